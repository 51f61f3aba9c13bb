/**
 * takes: the words after `kanmen`, and the commands as functions
 * gives: help, usage errors, tables and JSON lines; an exit code
 * keeps: nothing
 * never: touches the process, opens a file, knows how a command is done
 * spec: design section 7, interfaces "The binary"
 */
export {
  exitCodes,
  type AnswerOptions,
  type Commands,
  type ConfigOption,
  type ExitCode,
  type InitOptions,
  type InspectOptions,
  type JsonOption,
} from './commands.ts';
export { formatJsonLines, formatTable } from './print.ts';
export { runProgram, type ProgramOptions } from './program.ts';
