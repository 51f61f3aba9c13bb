/**
 * takes: the path of a YAML file that a person wrote
 * gives: the configuration, checked as a whole against one closed schema joined from the rooms' options; or every fault
 * keeps: nothing
 * never: guesses at a wrong value, reads a secret into the configuration, touches the network
 * spec: design section 7, interfaces "Configuration"
 */
export { faultsError, faultsOf, formatFault, type Fault } from './fault.ts';
export { configurationKind, loadConfiguration, loadDesk, namedPaths, type Loaded } from './load.ts';
export { formatPath, readDocument, readText, type Locate, type ReadResult } from './read-document.ts';
export { gatewaySchema, type GatewayConfiguration } from './schema.ts';
export { deskTemplate, gatewayTemplate, type GatewayTemplate } from './templates.ts';
