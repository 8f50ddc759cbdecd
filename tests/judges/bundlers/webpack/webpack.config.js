const path = require("path");

module.exports = {
  mode: "production",
  target: "node",
  entry: "./main.ts",
  module: {
    rules: [{ test: /\.tsx?$/, use: "ts-loader", exclude: /node_modules/ }],
  },
  resolve: {
    extensions: [".tsx", ".ts", ".js"],
  },
  output: {
    filename: "main.cjs",
    path: path.resolve(__dirname, "dist"),
  },
};
