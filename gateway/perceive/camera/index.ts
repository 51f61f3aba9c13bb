export { openFileSource } from './file-source.ts';
export { openLiveSource } from './live-source.ts';
