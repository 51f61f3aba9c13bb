/** Every code a GatewayError can carry, with what the reader is to do. `docs` prints this table. */
export const errorCodes = {
  'config.invalid': 'The configuration has faults; each is listed with file, line, path, value and what is allowed.',
  'config.secret-missing': 'A secret file named in the configuration does not exist or cannot be read.',
  'mqtt.listen-failed': 'The MQTT address is taken or not of this machine; free it or change mqtt.listen.',
  'lifecycle.stop-failed': 'A part did not stop in time; the process ends all the same.',
  'store.commit-failed': 'Nothing of this change was written. Look at the disk: full, read-only or broken.',
  'store.closed': 'The store is stopping; nothing more is accepted.',
  'store.too-new': 'The database was written by a newer version; install that version or restore a backup.',
  'store.corrupt': 'The database is damaged; restore a backup.',
  'rules.invalid': 'A rule set was refused whole; the running one stays. File, line and reason are listed.',
  'rules.unknown': 'No such rule.',
  'proposal.unknown': 'No such proposal.',
  'proposal.not-applicable':
    'The proposed change fits the rule no more, or its file cannot be written; the message says which. Nothing was changed.',
  'rules.backtest-failed': 'The rules could not be run over the record; the message says why.',
  'models.missing': 'A model file is not there; run npm ci again or kanmen models add.',
  'models.checksum': 'A model file is not the one the manifest names; it is not used.',
  'models.unknown': 'No model of this id can be pulled; kanmen models list names them.',
  'models.download-failed': 'A model could not be fetched; bring the file another way and use kanmen models add.',
  'models.not-writable': 'The models folder cannot be written; give another one with --models and models.dir.',
  'picture.unreadable': 'The picture cannot be decoded.',
  'picture.too-large': 'The picture has more pixels than the limit.',
  'video.unreadable': 'The video cannot be decoded.',
  'evidence.damaged': 'An evidence file fails its authentication: altered, cut short or put in the place of another.',
  'evidence.wrong-key':
    'Evidence is sealed under a key that is not configured; put the key file back or name it in evidence.previousKeyFiles.',
  'evidence.missing': 'An evidence file is not there any more.',
  'device.exists': 'A device with this class and id is there already; rotate its password instead.',
  'device.unknown': 'No such device.',
  'device.invalid':
    'A device is named <class>/<id>: charger or fire, and an id of letters, digits, dot, dash, underscore.',
  'user.invalid': 'The user name or the password does not have the form that is asked for; the message says which.',
  'user.last-admin': 'The last administrator cannot be removed or made less; make another one first.',
  'certificate.unreadable':
    'The certificate authority in the key folder cannot be read; restore it or remove both files.',
  'alert.unknown': 'No such alert.',
  'alert.not-allowed':
    'The alert is in a state from which this step is not possible; somebody else may have dealt with it.',
  'user.unknown': 'No such user.',
  'user.exists': 'A user of this name is there already.',
  'gateway.unknown': 'No such gateway at this desk.',
  'pair.refused': 'Gateway and desk did not come together; the message says why. A code is good once, for 30 minutes.',
  'gateway.not-running': 'The gateway that keeps this data directory is not running; start it first.',
  'gateway.running': 'A gateway is already running on this data directory.',
  'backup.exists':
    'Something stands where the backup or what is restored is to go; name another place or move it away.',
  'backup.no-space':
    'There is too little room for the copy of the database; free some, or name another folder with --temp.',
  'backup.wrong-key': 'The backup does not open with this passphrase or identity.',
  'backup.damaged': 'The backup is cut short, altered, or no backup; take another copy of it.',
} as const;

export type ErrorCode = keyof typeof errorCodes;
