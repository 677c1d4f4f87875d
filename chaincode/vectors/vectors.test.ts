// The published vectors hold, and the specification names everything that there is.

import { readFileSync } from 'node:fs';
import { createECDH } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import {
  ARGUMENTS,
  canonicalise,
  isSignedBy,
  kidOf,
  OPERATION_TYPES,
  operationLine,
  readOperationLine,
  REFUSALS,
  signedText,
  userIdOf,
} from '../index.js';
import { OPERATIONS } from '../operations/index.js';
import { keys } from '../state/index.js';
import { dump, Scene } from '../testkit/index.js';

const fromRoot = (path: string) => new URL(`../../../${path}`, import.meta.url);
const vectors = z
  .object({
    genesis: z.object({
      channel: z.string(),
      hospitals: z.array(z.string()),
      recoveryNoticeMs: z.number(),
      emergencyWindowMs: z.number(),
    }),
    nowMs: z.number(),
    users: z.array(
      z.object({
        signPrivateKey: z.string(),
        signPublicKey: z.string(),
        sealPrivateKey: z.string(),
        sealPublicKey: z.string(),
        userId: z.string(),
        kid: z.string(),
      }),
    ),
    operations: z.array(
      z.object({ name: z.string(), bytes: z.string(), signature: z.string(), line: z.string() }),
    ),
    receipts: z.array(z.looseObject({ status: z.string() })),
    receiptsEvent: z.string(),
    state: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(fromRoot('chaincode/vectors/operations.json'), 'utf8')));

function publicKeyOf(privateKey: string): string {
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(Buffer.from(privateKey, 'base64url'));
  return curve.getPublicKey('base64url', 'uncompressed');
}

async function apply() {
  const scene = new Scene(vectors.genesis);
  scene.nowMs = vectors.nowMs;
  const { state } = scene.ledger;
  state.set(keys.genesis.name, Buffer.from(canonicalise(vectors.genesis)));
  const { hospitals } = vectors.genesis;
  state.set(keys.consortium.name, Buffer.from(canonicalise({ hospitals })));
  const receipts = await scene.apply(...vectors.operations.map(({ line }) => line));
  return { receipts, state };
}

describe('vectors: operations.json', () => {
  it('keys and their names', () => {
    for (const user of vectors.users) {
      expect(publicKeyOf(user.signPrivateKey)).to.equal(user.signPublicKey);
      expect(publicKeyOf(user.sealPrivateKey)).to.equal(user.sealPublicKey);
      expect(userIdOf(user.signPublicKey)).to.equal(user.userId);
      expect(kidOf(user.signPublicKey)).to.equal(user.kid);
    }
  });

  for (const { name, bytes, signature, line } of vectors.operations) {
    it(name, () => {
      expect(canonicalise(JSON.parse(bytes))).to.equal(bytes);
      expect(operationLine(bytes, signature)).to.equal(line);
      const read = readOperationLine(line);
      expect(read).to.include({ bytes, signature });
      const user = vectors.users.find(({ userId }) => userId === read?.envelope.actor);
      const check = { publicKey: user?.signPublicKey ?? '', text: signedText(bytes), signature };
      expect(isSignedBy(check)).to.equal(name !== 'a high-S signature');
    });
  }

  it('receipts, event and world state', async () => {
    const { receipts, state } = await apply();
    expect(receipts).to.deep.equal(vectors.receipts);
    expect(receipts.map(canonicalise).join('\n')).to.equal(vectors.receiptsEvent);
    expect(dump(state)).to.deep.equal(vectors.state);
  });
});

describe('docs/operations.md', () => {
  const text = readFileSync(fromRoot('docs/operations.md'), 'utf8');
  /** The first cells of the rows of every table. */
  const rows = text.split('\n').flatMap((line) => /^\| `([^`]+)`/.exec(line)?.[1] ?? []);

  it('has one row for every operation type, and for none that there is not', () => {
    const types = rows.filter((row) => /^[a-z]+:[a-z]+$/.test(row));
    expect(types.sort()).to.deep.equal([...OPERATION_TYPES].sort());
  });

  it('has one row for every refusal code, and for none that there is not', () => {
    const codes = rows.filter((row) => /^[A-Z_]+$/.test(row));
    expect(codes.sort()).to.deep.equal(Object.keys(REFUSALS).sort());
  });

  it('says which types live ten minutes only', () => {
    for (const type of OPERATION_TYPES) {
      const row = text.split('\n').find((line) => line.startsWith(`| \`${type}\` `)) ?? '';
      expect(row.includes('⏱'), type).to.equal(OPERATIONS[type].lifeMs !== undefined);
    }
  });

  it('names every argument in its type’s row', () => {
    for (const type of OPERATION_TYPES) {
      const row = text.split('\n').find((line) => line.startsWith(`| \`${type}\` `)) ?? '';
      for (const name of argumentNames(type)) expect(row, type).to.contain(`\`${name}`);
    }
  });
});

function argumentNames(type: (typeof OPERATION_TYPES)[number]): string[] {
  const schema: { properties?: object; oneOf?: { properties?: object }[] } = z.toJSONSchema(
    ARGUMENTS[type],
  );
  const shapes = schema.oneOf ?? [schema];
  return [...new Set(shapes.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}
