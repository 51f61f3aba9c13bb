import { exitCodes, formatJsonLines, formatTable, type Commands, type ExitCode } from '../cli/index.ts';
import { roles, type Role } from '../domain/user.ts';
import { withDeskTools } from '../desk.ts';
import { deskRoles } from '../inbox/index.ts';
import { GatewayError } from '../lib/errors.ts';
import { argon2Passwords } from '../lib/passwords.ts';
import { createUsers } from '../provisioning/index.ts';
import { commandLineActor, makePassword, readPassword, withEither, withStore, type ToolContext } from './context.ts';

type UserCommands = Pick<Commands, 'usersAdd' | 'usersList' | 'usersRemove' | 'usersPassword'>;

/** The same four steps at a gateway and at a desk. */
interface People {
  /** Roles by which people may be let in there. */
  readonly roles: readonly string[];
  add(name: string, role: string, password: string): Promise<void>;
  list(): Promise<readonly { readonly name: string; readonly role: string }[]>;
  remove(name: string): Promise<void>;
  setPassword(name: string, password: string): Promise<void>;
}

export function createUserCommands(context: ToolContext): UserCommands {
  const { out, err, clock, random, logger } = context;
  const withPeople = (file: string, work: (people: People) => Promise<ExitCode>): Promise<ExitCode> =>
    withEither(context, file, (opened) => {
      if (opened.kind === 'desk') {
        const { value: config } = opened.loaded;
        return withDeskTools({ config, clock, logger, passwords: argon2Passwords }, ({ users }) =>
          work({
            roles: [...deskRoles, 'manager'],
            add: async (name, role, password) => {
              await users.add(name, role, password);
            },
            list: () => users.list(),
            remove: (name) => users.remove(name),
            setPassword: (name, password) => users.setPassword(name, password),
          }),
        );
      }
      return withStore(context, opened.loaded.value, (store) => {
        const users = createUsers({ reads: store, commit: store.commit, clock, random });
        return work({
          roles,
          add: (name, role, password) => users.add(name, role as Role, password, commandLineActor),
          list: () => Promise.resolve(users.list()),
          remove: (name) => users.remove(name, commandLineActor),
          setPassword: (name, password) => users.setPassword(name, password, commandLineActor),
        });
      });
    });

  const withPassword = async (
    file: string | undefined,
    use: (password: string) => Promise<void>,
  ): Promise<string | null> => {
    const given = await readPassword(context, file);
    const password = given ?? makePassword(random);
    await use(password);
    return given === null ? password : null;
  };
  const show = (name: string, password: string | null, json: boolean): void => {
    if (json) out(formatJsonLines([{ name, password }]));
    else out(`user      ${name}\n${password === null ? '' : `password  ${password}   (shown once, kept nowhere)\n`}`);
  };

  return {
    usersAdd: (name, { config, role, passwordFile, json }) =>
      withPeople(config, async (people) => {
        const known = people.roles.find((candidate) => candidate === role);
        if (known === undefined)
          throw new GatewayError('user.invalid', `a role is one of ${people.roles.join(', ')}`, { facts: { role } });
        show(name, await withPassword(passwordFile, (password) => people.add(name, known, password)), json);
        return exitCodes.fine;
      }),
    usersList: ({ config, json }) =>
      withPeople(config, async (people) => {
        const rows = (await people.list()).map(({ name, role }) => ({ name, role }));
        if (json) out(formatJsonLines(rows));
        else if (rows.length === 0) err('nobody yet: kanmen users add <name> --role admin\n');
        else out(formatTable(rows, { name: 'name', role: 'role' }));
        return exitCodes.fine;
      }),
    usersRemove: (name, { config, json }) =>
      withPeople(config, async (people) => {
        await people.remove(name);
        out(json ? formatJsonLines([{ removed: name }]) : `${name} is shut out\n`);
        return exitCodes.fine;
      }),
    usersPassword: (name, { config, passwordFile, json }) =>
      withPeople(config, async (people) => {
        show(name, await withPassword(passwordFile, (password) => people.setPassword(name, password)), json);
        return exitCodes.fine;
      }),
  };
}
