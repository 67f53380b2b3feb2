// The little of Node that the tests use, so that its types need not be installed.
declare module "node:test" { export function test(name: string, act: () => void | Promise<void>): void }
declare module "node:assert/strict" {
  const assert: {
    (value: unknown, message?: string): void;
    equal(a: unknown, b: unknown, message?: string): void;
    deepEqual(a: unknown, b: unknown, message?: string): void;
  };
  export default assert;
}
declare module "node:fs" { export function readFileSync(path: string, encoding: "utf8"): string }
declare const process: { env: Record<string, string | undefined> };
