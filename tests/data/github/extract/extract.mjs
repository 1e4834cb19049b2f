// Cuts GitHub's OpenAPI description down to the operations below and rewrites its OpenAPI 3.0 schemas as JSON Schema 2020-12.
// node extract.mjs DESTINATION

import crypto from 'node:crypto';
import fs from 'node:fs';

const SOURCE = 'node_modules/@octokit/openapi/generated/api.github.com.json';
const API_VERSION = '2022-11-28';
const OPERATIONS = [
  'apps/create-installation-access-token',
  'issues/add-assignees',
  'issues/add-labels',
  'issues/create-comment',
  'pulls/create',
  'pulls/get',
  'pulls/list',
  'pulls/list-reviews',
  'pulls/merge',
  'pulls/request-reviewers',
  'pulls/update',
  'repos/get',
];
// What says nothing about what is valid.
const DROPPED = new Set([
  'deprecated', 'description', 'discriminator', 'example', 'examples', 'externalDocs', 'nullable', 'readOnly', 'summary',
  'title', 'writeOnly', 'x-github', 'x-multi-segment', 'x-octokit', 'xml',
]);

const raw = fs.readFileSync(SOURCE);
const description = JSON.parse(raw);

/** RFC 7386. */
function mergePatch(target, patch) {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  if (target === null || typeof target !== 'object' || Array.isArray(target)) target = {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete target[key];
    else target[key] = mergePatch(target[key], value);
  }
  return target;
}

/** RFC 6902: add, remove and replace, which is what the description uses. */
function jsonPatch(target, operations) {
  for (const { op, path, value } of operations) {
    const keys = path.split('/').slice(1).map((key) => key.replace(/~1/g, '/').replace(/~0/g, '~'));
    const last = keys.pop();
    const parent = keys.reduce((node, key) => node?.[key], target);
    if (parent === undefined || parent === null) continue;
    if (!Array.isArray(parent)) {
      if (op === 'remove') delete parent[last];
      else parent[last] = value;
    } else if (op === 'remove') parent.splice(Number(last), 1);
    else if (op === 'add') parent.splice(last === '-' ? parent.length : Number(last), 0, value);
    else parent[Number(last)] = value;
  }
}

/** The file holds the oldest supported version, and patches for later ones: those up to API_VERSION are applied. */
function applyVersion(node) {
  if (node === null || typeof node !== 'object') return;
  const changes = Array.isArray(node) ? undefined : node['x-github-breaking-changes'];
  delete node['x-github-breaking-changes'];
  for (const { version, patch } of changes ?? []) {
    if (version > API_VERSION) continue;
    if (Array.isArray(patch)) jsonPatch(node, patch);
    else mergePatch(node, patch);
  }
  Object.values(node).forEach(applyVersion);
}

const definitions = {};
const wanted = [];

function reference(pointer) {
  const name = pointer.replace('#/components/schemas/', '');
  if (!(name in definitions)) {
    definitions[name] = null;
    wanted.push(name);
  }
  return `#/$defs/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`;
}

/** A schema of OpenAPI 3.0 as one of JSON Schema 2020-12: `nullable` becomes a type. */
function convert(schema) {
  if (schema === null || typeof schema !== 'object') return schema;
  if (schema.$ref) return { $ref: reference(schema.$ref) };
  const out = {};
  for (const [key, value] of Object.entries(schema)) {
    if (DROPPED.has(key)) continue;
    if (key === 'properties' || key === 'patternProperties') {
      out[key] = Object.fromEntries(Object.entries(value).map(([name, property]) => [name, convert(property)]));
    } else if (['items', 'not', 'additionalProperties'].includes(key)) out[key] = convert(value);
    else if (['allOf', 'anyOf', 'oneOf'].includes(key)) out[key] = value.map(convert);
    else if (key === 'exclusiveMinimum' && value === true) out.exclusiveMinimum = schema.minimum;
    else out[key] = value;
  }
  if (schema.nullable !== true) return out;
  if (out.enum && !out.enum.includes(null)) out.enum = [...out.enum, null];
  if (typeof out.type === 'string') out.type = [out.type, 'null'];
  const composed = out.allOf || out.anyOf || out.oneOf;
  return Array.isArray(out.type) && !composed ? out : { anyOf: [out, { type: 'null' }] };
}

function resolve(node) {
  while (node?.$ref) {
    node = node.$ref.replace('#/', '').split('/').reduce((at, key) => at[key.replace(/~1/g, '/')], description);
  }
  return node;
}

function parameter({ name, in: where, required, schema }) {
  return { name, in: where, required: Boolean(required), schema: convert(schema) };
}

function operation(method, path, item, described) {
  const parameters = [...(item.parameters ?? []), ...(described.parameters ?? [])].map(resolve);
  const out = { method: method.toUpperCase(), path, params: parameters.map(parameter), responses: {} };
  const request = resolve(described.requestBody);
  if (request) {
    out.request = { required: Boolean(request.required), schema: convert(request.content['application/json'].schema) };
  }
  for (const [status, response] of Object.entries(described.responses)) {
    const content = resolve(response).content?.['application/json'];
    out.responses[status] = content ? convert(content.schema) : null;
  }
  return out;
}

applyVersion(description);
const operations = {};
for (const [path, item] of Object.entries(description.paths)) {
  for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
    const described = item[method];
    if (OPERATIONS.includes(described?.operationId)) {
      operations[described.operationId] = operation(method, path, item, described);
    }
  }
}
for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
  definitions[name] = convert(description.components.schemas[name]);
}
const missing = OPERATIONS.filter((id) => !(id in operations));
if (missing.length > 0) throw new Error(`not in the description: ${missing}`);
const source = {
  package: '@octokit/openapi',
  version: JSON.parse(fs.readFileSync('node_modules/@octokit/openapi/package.json')).version,
  file: 'api.github.com.json',
  sha256: crypto.createHash('sha256').update(raw).digest('hex'),
  apiVersion: API_VERSION,
};
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
const out = { source, operations: sorted(operations), $defs: sorted(definitions) };
// one line each, so that a newer description shows as a readable difference
const lines = (object) => Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',\n');
const sections = Object.entries(out).map(([key, value]) => `${JSON.stringify(key)}:{\n${lines(value)}\n}`);
fs.writeFileSync(process.argv[2], `{\n${sections.join(',\n')}\n}\n`);
