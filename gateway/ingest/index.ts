/**
 * The devices' way in: MQTT messages become events, and a message is acknowledged when its event is on disk.
 *
 * takes: MQTT packets from devices (embedded broker) or an external broker; devices and their credentials; a sink
 * gives: events with their message keys to the sink, device states and quarantined messages to the store
 * keeps: open connections, the rate and the last sign of life of each device, in memory
 * never: acknowledges what is not stored; forwards or retains what a device publishes; logs a payload
 * spec: interfaces.md "MQTT, device side"; standards.md 4.4; MQTT 3.1.1 (OASIS), for external brokers also MQTT 5
 */
export { createIngest, type DeviceDirectory, type Ingest } from './ingest.ts';
export type { IngestSink } from './intake.ts';
export type { IngestCounts } from './counts.ts';
export { mqttOptions, type MqttOptions } from './options.ts';
export { createSchemaDocuments, type SchemaDocument } from './schema-documents.ts';
export { parseMessage, type MessageToParse, type ParsedMessage } from './parse-message.ts';
