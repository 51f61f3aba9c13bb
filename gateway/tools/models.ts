import { exitCodes, formatJsonLines, formatTable, type Commands } from '../cli/index.ts';
import { addModel, listModels, pullModel, shippedModelsDir, verifyModels } from '../perceive/index.ts';
import { formatSize } from '../lib/quantities.ts';
import { reported, type ToolContext } from './context.ts';

/** `kanmen models`: what there is, bringing more, and whether all of it is what the manifest says. */
export function createModelCommands(
  context: ToolContext,
): Pick<Commands, 'modelsList' | 'modelsPull' | 'modelsAdd' | 'modelsVerify'> {
  const { out } = context;
  const dirOf = (models: string | undefined): string => models ?? shippedModelsDir();
  return {
    modelsList: ({ models, json }) =>
      reported(context, async () => {
        const list = await listModels(dirOf(models));
        if (json) out(formatJsonLines(list));
        else {
          const rows = list.map(({ id, role, name, used, state, sizeBytes, licence }) => ({
            ...{ id, role, used: used ? 'yes' : '', state, size: formatSize(sizeBytes), name, licence },
          }));
          out(formatTable(rows));
        }
        return exitCodes.fine;
      }),
    modelsPull: (ids, { models, json }) =>
      reported(context, async () => {
        for (const id of ids) {
          const { path, fetched } = await pullModel({ dir: dirOf(models), id });
          if (json) out(formatJsonLines([{ id, path, fetched }]));
          else out(`${id}: ${fetched ? 'fetched to' : 'already at'} ${path}; name it in models.use to use it\n`);
        }
        return exitCodes.fine;
      }),
    modelsAdd: (files, { models, json }) =>
      reported(context, async () => {
        for (const file of files) {
          const { id, path } = await addModel(dirOf(models), file);
          if (json) out(formatJsonLines([{ id, path }]));
          else out(`${file} is ${id}, now at ${path}\n`);
        }
        return exitCodes.fine;
      }),
    modelsVerify: ({ models, json }) =>
      reported(context, async () => {
        const dir = dirOf(models);
        const faults = await verifyModels(dir);
        if (json) out(formatJsonLines(faults.map(({ code, message, facts }) => ({ code, message, ...facts }))));
        else for (const { code, message } of faults) out(`${message} (${code})\n`);
        if (faults.length === 0 && !json) out(`${dir}: every model is what the manifest says\n`);
        return faults.length === 0 ? exitCodes.fine : exitCodes.failed;
      }),
  };
}
