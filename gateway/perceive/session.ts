import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GatewayError } from '../lib/errors.ts';
import type { LoadedModel } from './model-store.ts';

/** One model ready to run on the calling thread, which must never be the main thread: `run` blocks it. */
export interface ModelSession {
  /** Runs one batch and gives the outputs in the model's order. The values are valid until the next call. */
  run(input: Float32Array, shape: readonly number[]): Promise<readonly ModelOutput[]>;
  release(): Promise<void>;
}

export interface ModelOutput {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/**
 * Opens a session. `threads` is how many cores one run may use.
 * Throws GatewayError `models.checksum` where the runtime does not take the file.
 */
export async function openSession(model: LoadedModel, threads: number): Promise<ModelSession> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(model.bytes, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // Some graphs print hundreds of warnings about unused initialisers.
      logSeverityLevel: 3,
      graphOptimizationLevel: 'all',
      // Pictures of changing size would make the arena keep one plan a size.
      enableMemPattern: false,
    });
  } catch (error) {
    throw new GatewayError('models.checksum', `the runtime cannot use the model ${model.name}`, { cause: error });
  }
  const inputName = session.inputNames[0] ?? '';
  const names = session.outputNames;
  return {
    run: async (input, shape) => {
      const feeds = { [inputName]: new Tensor('float32', input, shape) };
      const results = await session.run(feeds);
      return names.map((name) => {
        const result = results[name];
        if (!result || !(result.data instanceof Float32Array))
          throw new GatewayError('models.checksum', `${model.name} gives no float output ${name}`);
        return { values: result.data, shape: result.dims };
      });
    },
    release: () => session.release(),
  };
}
