// Bundles test/*.test.ts with the sources they test, and runs them with Node's own test runner.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const out = mkdtempSync(join(tmpdir(), "workbench-test-"));
const entryPoints = readdirSync("test").filter((name) => name.endsWith(".test.ts")).map((name) => `test/${name}`);
await build({ entryPoints, outdir: out, outExtension: { ".js": ".mjs" }, bundle: true, format: "esm", platform: "node", target: "node18" });
const files = readdirSync(out).map((name) => join(out, name));
const done = spawnSync(process.execPath, ["--test", "--test-reporter=dot", ...files], { stdio: "inherit", env: { ...process.env, GOLDEN: "../tests/golden" } });
rmSync(out, { recursive: true });
process.exit(done.status ?? 1);
