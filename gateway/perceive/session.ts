import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GatewayError } from '../lib/errors.ts';
import type { LoadedModel } from './model-store.ts';

/** One model ready to run on the calling thread, which must never be the main thread: `run` blocks it. */
export interface ModelSession {
  /**
   * Runs one batch of floats or bytes, as the model's input asks, and gives its outputs: those of `outputs` (see
   * `openSession`) in that order, else all in the model's order. The values are valid until the next call.
   */
  run(input: Float32Array | Uint8Array, shape: readonly number[]): Promise<readonly ModelOutput[]>;
  /** Sizes of the input's axes; 0 where any will do. */
  readonly inputShape: readonly number[];
  release(): Promise<void>;
}

export interface ModelOutput {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/**
 * Opens a session. `threads` is how many cores one run may use, `outputs` the names of the outputs wanted.
 * Throws GatewayError `models.checksum` where the runtime does not take the file, or it lacks an output.
 */
export async function openSession(
  model: LoadedModel,
  threads: number,
  outputs?: readonly string[],
): Promise<ModelSession> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(model.takeBytes(), {
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
  const names = outputs ?? session.outputNames;
  for (const name of names) {
    if (!session.outputNames.includes(name))
      throw new GatewayError('models.checksum', `${model.name} has no output ${name}: not of the form ${model.form}`);
  }
  /** What a run with an input of one shape takes and fills, by that shape. */
  const known = new Map<string, Prepared>();
  /** Each output's memory, as large as the largest so far: what the runtime makes anew for every run has to be collected. */
  const memory = new Map<string, Float32Array>();

  const outputsFor = (found: InferenceSession.OnnxValueMapType): Prepared['outputs'] => {
    const outputs: Record<string, Tensor> = {};
    for (const name of names) {
      const result = found[name];
      if (!result || !(result.data instanceof Float32Array))
        throw new GatewayError('models.checksum', `${model.name} gives no float output ${name}`);
      let own = memory.get(name);
      if (!own || own.length < result.data.length) {
        own = new Float32Array(result.data.length);
        memory.set(name, own);
        known.clear();
      }
      outputs[name] = new Tensor('float32', own.subarray(0, result.data.length), result.dims);
    }
    return outputs;
  };

  return {
    run: async (input, shape) => {
      const key = shape.join('x');
      const prepared = known.get(key);
      let results: InferenceSession.OnnxValueMapType;
      if (prepared) {
        const feed = isSameMemory(prepared.input.data, input) ? prepared.input : tensorOf(input, shape);
        prepared.input = feed;
        await session.run({ [inputName]: feed }, prepared.outputs);
        results = prepared.outputs;
      } else {
        const feed = tensorOf(input, shape);
        results = await session.run({ [inputName]: feed }, names);
        const outputs = outputsFor(results);
        if (known.size >= mostShapes) known.clear();
        known.set(key, { input: feed, outputs });
      }
      return names.map((name) => {
        const { data, dims } = results[name] as Tensor;
        return { values: data as Float32Array, shape: dims };
      });
    },
    inputShape: inputShapeOf(session),
    release: () => session.release(),
  };
}

/** Regions of interest come in many sizes; what is kept for one is a few small objects. */
const mostShapes = 64;

interface Prepared {
  input: Tensor;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

const tensorOf = (input: Float32Array | Uint8Array, shape: readonly number[]): Tensor =>
  input instanceof Uint8Array ? new Tensor('uint8', input, shape) : new Tensor('float32', input, shape);

const isSameMemory = (a: Tensor['data'], b: Float32Array | Uint8Array): boolean =>
  ArrayBuffer.isView(a) && a.buffer === b.buffer && a.byteOffset === b.byteOffset && a.byteLength === b.byteLength;

function inputShapeOf(session: InferenceSession): number[] {
  const [input] = session.inputMetadata;
  if (input?.isTensor !== true) return [];
  return input.shape.map((size) => (typeof size === 'number' && size > 0 ? size : 0));
}
