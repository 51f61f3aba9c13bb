/**
 * The vehicles that the estate knows, from a file that people keep.
 *
 * takes: a CSV file named in the configuration; plates as read
 * gives: whether a plate is known at a moment, and as what
 * keeps: the last good set, in memory; the file stays where it is
 * never: takes half of a wrong file; writes to the file; logs plates
 * spec: design.md section 4 "Register"; GA 36-2018 (plates hold no O and no I in the serial)
 */
export { createRegister, type Register } from './register.ts';
export { registerOptions, type RegisterOptions } from './options.ts';
export { normalisePlate } from './normalise-plate.ts';
export { parseVehicles, type ParsedVehicles, type Vehicle } from './parse-vehicles.ts';
