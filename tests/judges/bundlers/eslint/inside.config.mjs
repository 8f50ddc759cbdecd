// The same rules for generated files: comments in them cannot turn rules off.
import { defineConfig } from "eslint/config";
import rules from "./eslint.config.mjs";

export default defineConfig(rules, {
  linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "off" },
});
