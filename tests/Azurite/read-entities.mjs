// Reads a partition with the official JavaScript client, one entity a line as JSON: a second opinion on what was written.
// usage: node read-entities.mjs <connection string> <table> <partition>
// A property is {"type": …, "value": …}, with the value as text, so that nothing is lost in JSON.
import { TableClient, odata } from '@azure/data-tables';

const [connection, table, partition] = process.argv.slice(2);
if (!partition) {
  console.error('usage: node read-entities.mjs <connection string> <table> <partition>');
  process.exit(2);
}

const client = TableClient.fromConnectionString(connection, table, { allowInsecureConnection: true });
for await (const entity of client.listEntities({ queryOptions: { filter: odata`PartitionKey eq ${partition}` }, disableTypeConversion: true })) {
  const { partitionKey, rowKey, etag, timestamp, ...rest } = entity;
  const properties = {};
  for (const [name, value] of Object.entries(rest)) {
    if (!name.startsWith('odata.')) {
      properties[name] = typed(value);
    }
  }
  console.log(JSON.stringify({ partitionKey, rowKey, etag, timestamp: typed(timestamp).value, properties }));
}

function typed(value) {
  if (value instanceof Uint8Array) {
    return { type: 'Binary', value: Buffer.from(value).toString('base64') };
  }
  return typeof value === 'object' ? { type: value.type, value: String(value.value) } : { type: typeof value, value: String(value) };
}
