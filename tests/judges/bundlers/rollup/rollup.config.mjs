import typescript from "@rollup/plugin-typescript";

export default {
  input: "main.ts",
  output: { dir: "dist", format: "es", entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" },
  plugins: [typescript()],
};
