// Parses the Bicep files named on the command line and prints their syntax trees as JSON, one a line: [file, tree]. A node is
// {type, row, text, field, error, nodes}; only named nodes, and whatever the grammar could not make sense of.
// The grammar does not know the "param x = value" of a .bicepparam file; with "var" for "param" it is the same, so that is what is parsed.
import { readFileSync } from 'node:fs';
import { Language, Parser } from 'web-tree-sitter';

await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(new URL('node_modules/tree-sitter-bicep/tree-sitter-bicep.wasm', import.meta.url).pathname));

const asJson = (node, field) => ({
  type: node.type,
  row: node.startPosition.row + 1,
  ...(field ? { field } : {}),
  ...(node.isError || node.isMissing ? { error: true } : {}),
  text: node.text,
  nodes: node.children.map((child, i) => [child, node.fieldNameForChild(i)])
    .filter(([child]) => child.isNamed || child.isError || child.isMissing)
    .map(([child, name]) => asJson(child, name)),
});

for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8');
  const tree = parser.parse(file.endsWith('.bicepparam') ? text.replace(/^param /gm, 'var ') : text);
  console.log(JSON.stringify([file, asJson(tree.rootNode)]));
}
