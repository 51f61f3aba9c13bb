/** A set of models takes about 110 MB, so there are few even on a large box; a model run uses the cores of its thread. */
const maxWorkers = 4;
const coresOfAWorker = 2;

/** How many perception threads a box of so many cores has where `perception.workers` does not say. */
export const usualWorkers = (cores: number): number => Math.min(Math.ceil(cores / coresOfAWorker), maxWorkers);
