// Builds every entry of src/ into ../workbench/widgets/static/, one self-contained ES module each.
import { build } from "esbuild";

await build({
  entryPoints: ["src/trace.ts", "src/sweepgrid.ts", "src/compare.ts", "src/disagreement.ts", "src/sweep.ts"],
  outdir: "../workbench/widgets/static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
});
