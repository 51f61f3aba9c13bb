import { z } from 'zod';
import { deviceMessages } from './payloads.ts';

/** A generated file: name below `gateway/ingest/schemas/`, and its text. */
export interface SchemaDocument {
  readonly file: string;
  readonly text: string;
}

type JsonObject = Record<string, unknown>;

const version = '1.0.0';

function jsonSchema(message: (typeof deviceMessages)[number]): JsonObject {
  const schema = z.toJSONSchema(message.schema, { io: 'input' }) as JsonObject;
  return { ...schema, title: message.title };
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * What devices may say, as files for those who build devices: one JSON Schema (2020-12) per message and an AsyncAPI 3.0
 * document over all of them. Generated from the very schemas the gateway parses with; a test holds the files in
 * `schemas/` against this.
 */
export function createSchemaDocuments(): SchemaDocument[] {
  const print = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return [
    ...deviceMessages.map((message) => ({
      file: `${kebab(message.name)}.schema.json`,
      text: print(jsonSchema(message)),
    })),
    { file: 'asyncapi.json', text: print(asyncApi()) },
  ];
}

function asyncApi(): JsonObject {
  const channels: JsonObject = {};
  const operations: JsonObject = {};
  const messages: JsonObject = {};
  for (const message of deviceMessages) {
    const payload = jsonSchema(message);
    // AsyncAPI has its own way to say the dialect, and JSON Schema is what it assumes.
    delete payload['$schema'];
    const parameters = [...message.topic.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '');
    messages[message.name] = { name: message.name, title: message.title, contentType: 'application/json', payload };
    channels[message.name] = {
      address: `community/{site}/${message.topic}`,
      title: message.title,
      messages: { [message.name]: { $ref: `#/components/messages/${message.name}` } },
      parameters: Object.fromEntries(
        ['site', ...parameters].map((name) => [name, { $ref: `#/components/parameters/${name}` }]),
      ),
    };
    operations[`receive${message.name.charAt(0).toUpperCase()}${message.name.slice(1)}`] = {
      action: 'receive',
      channel: { $ref: `#/channels/${message.name}` },
      messages: [{ $ref: `#/channels/${message.name}/messages/${message.name}` }],
      bindings: { mqtt: { qos: 1, retain: message.topic.endsWith('/status') } },
    };
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Kanmen gateway, device side',
      version,
      description:
        'What charging piles and fire sensors say to the gateway over MQTT 3.1.1, QoS 1. Login: user name <class>/<id> ' +
        '(charger/10597059), password as issued. A message is acknowledged when it is stored. A message that does not fit ' +
        'is kept aside and acknowledged; one outside the own topics, for another device or too large ends the connection.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      gateway: {
        host: 'gateway.example:1883',
        protocol: 'mqtt',
        protocolVersion: '3.1.1',
        security: [{ $ref: '#/components/securitySchemes/credential' }],
      },
    },
    channels,
    operations,
    components: {
      messages,
      parameters: {
        site: { description: 'Id of the site, as configured' },
        id: { description: 'Id of the device, as provisioned' },
        port: { description: 'Port, counted from 1' },
      },
      securitySchemes: { credential: { type: 'userPassword' } },
    },
  };
}
