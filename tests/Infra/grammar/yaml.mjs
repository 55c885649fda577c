// Reads the YAML files named on the command line and prints them as JSON, one a line: [file, document]. An error or a warning ends it.
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

for (const file of process.argv.slice(2)) {
  const document = parseDocument(readFileSync(file, 'utf8'), { uniqueKeys: true });
  const wrong = [...document.errors, ...document.warnings];
  if (wrong.length > 0) {
    console.error(`${file}: ${wrong.map(String).join('\n')}`);
    process.exit(1);
  }
  console.log(JSON.stringify([file, document.toJS()]));
}
