// Writes resource-schemas.json anew, for the resource types that infra/ uses:
//   node tests/Infra/facts/extract.mjs <a clone of github.com/Azure/bicep-types-az>
// {commit, resources: {"Type@version": type}, objects: {key: {p: {name: [type, "required"?]}, a: type of other properties, d: discriminator, e: {value: type}}}}
// A type is "string", "int", "bool", "any", a list of literals ("*" among them: or any other string), {array: type} or {ref: key}.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

const clone = process.argv[2];
const here = new URL('.', import.meta.url).pathname;
const git = (...args) => execFileSync('git', ['-C', clone, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
const infra = readdirSync(`${here}../../../infra`, { recursive: true }).filter(file => file.endsWith('.bicep'));
const used = [...new Set(infra.flatMap(file => readFileSync(`${here}../../../infra/${file}`, 'utf8').match(/(?<=')Microsoft\.[\w./]+@[\w-]+(?=')/g) ?? []))].sort();
const files = git('ls-tree', '-r', 'HEAD', '--name-only').split('\n').filter(file => file.endsWith('/types.json'));
const readOnly = 2;
const [resources, objects] = [{}, {}];

for (const name of used) {
  const [type, version] = name.split('@');
  const candidates = files.filter(file => file.includes(`/${type.split('/')[0].toLowerCase()}/${version}/`));
  for (const file of candidates) {
    const types = JSON.parse(git('show', `HEAD:${file}`));
    const resource = types.find(one => one.$type === 'ResourceType' && one.name.toLowerCase() === name.toLowerCase());
    if (!resource) continue;
    resources[name] = convert(types, file.split('/').slice(1, 2) + '/' + version, resource.body);
    break;
  }
  if (!resources[name]) throw new Error(`${name} is not among the types.`);
}
writeFileSync(`${here}resource-schemas.json`, JSON.stringify({ commit: git('rev-parse', 'HEAD').trim(), resources, objects }).replaceAll('"Microsoft.', '\n"Microsoft.').replaceAll('},"', '},\n"') + '\n');

function convert(types, source, reference) {
  const index = Number(reference.$ref.split('/').at(-1));
  const type = types[index];
  const inner = other => convert(types, source, other);
  switch (type.$type) {
    case 'StringType': return 'string';
    case 'IntegerType': return 'int';
    case 'BooleanType': return 'bool';
    case 'AnyType': case 'BuiltInType': return 'any';
    case 'StringLiteralType': return [type.value];
    case 'ArrayType': return { array: inner(type.itemType) };
    case 'UnionType': return type.elements.map(inner).flatMap(one => (one === 'string' ? ['*'] : one));
  }
  const key = `${source}/${type.name}#${index}`;
  if (!(key in objects)) {
    const object = (objects[key] = { p: {} });
    for (const [name, property] of Object.entries({ ...type.properties, ...type.baseProperties }))
      if (!(property.flags & readOnly)) object.p[name] = property.flags & 1 ? [inner(property.type), 'required'] : [inner(property.type)];
    if (type.additionalProperties) object.a = inner(type.additionalProperties);
    if (type.discriminator) {
      object.d = type.discriminator;
      object.e = Object.fromEntries(Object.entries(type.elements).map(([value, element]) => [value, inner(element)]));
    }
  }
  return { ref: key };
}
