const { getDefaultConfig, mergeConfig } = require("metro-config");
const path = require("path");

module.exports = (async () =>
  mergeConfig(await getDefaultConfig(__dirname), {
    projectRoot: __dirname,
    watchFolders: [path.resolve(__dirname, "../../node_modules")],
    transformer: {
      babelTransformerPath: require.resolve("@react-native/metro-babel-transformer"),
    },
  }))();
