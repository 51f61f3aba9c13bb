/**
 * Who may come in: devices with their issued passwords, people with theirs, and the gateway's own certificate.
 *
 * takes: commands of the command line and the API; reads of the store and a commit
 * gives: device credentials (once), verified users, certificate files
 * keeps: failed logins of the last minutes, in memory; everything else is the store's
 * never: keeps or logs a password; tells whether a user name exists
 * spec: interfaces.md "MQTT, device side" (login); OWASP Password Storage (argon2id); RFC 5280 (certificates)
 */
export { createDevices, type DeviceListing, type Devices, type DeviceReads, type IssuedCredential } from './devices.ts';
export { createUsers, type UserReads, type Users, type UserVerification } from './users.ts';
export { makeCertificates, type CertificateFiles } from './certificates.ts';
