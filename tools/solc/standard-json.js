"use strict";
const fs = require("fs");
const path = require("path");
const root = path.resolve(__dirname, "../..");
const solc = require(path.join(root, "node_modules/solc"));

// The Emscripten build appends its name; py-solc-x would not recognise the version with it.
if (!solc.version().startsWith(process.env.FLEXBOND_SOLC_VERSION)) {
  console.error(`solc: node_modules holds ${solc.version()}, not ${process.env.FLEXBOND_SOLC_VERSION}; run make setup`);
  process.exit(1);
}

// Imports are read from the working folder, as the native compiler does, or else from the clone.
// Its --allow-paths is not enforced: what is compiled here is this project's own.
const option = (name) => process.argv[process.argv.indexOf(name) + 1];
const bases = [process.argv.includes("--base-path") ? option("--base-path") : ".", root];
const readImport = (name) => {
  const file = bases.map((base) => path.resolve(base, name)).find((candidate) => fs.existsSync(candidate));
  return file ? { contents: fs.readFileSync(file, "utf8") } : { error: `File not found: ${name}` };
};

const input = JSON.parse(fs.readFileSync(0, "utf8"));
// Brownie has no setting for it: without the hash of the sources in it, the packaged bytecode
// changes with the code and not with a comment.
input.settings = { metadata: { bytecodeHash: "none" }, ...input.settings };
const output = Buffer.from(solc.compile(JSON.stringify(input), { import: readImport }));
for (let written = 0; written < output.length; ) {
  try {
    written += fs.writeSync(1, output, written);
  } catch (error) {
    if (error.code !== "EAGAIN") throw error; // a slow reader of the pipe
  }
}
