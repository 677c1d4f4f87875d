// One contract a family (`consent`, `report`, …), one transaction an operation type, made from the table. The caller is
// whoever holds the key of the transaction's certificate: Fabric has checked their signature over the proposal already.

import { X509Certificate, type JsonWebKey } from 'node:crypto';
import 'reflect-metadata';
import {
  canonicalise,
  ChaincodeError,
  fitsOperation,
  OPERATION_TYPES,
  operationBytes,
  envelopeSchema,
  type Envelope,
  type OperationType,
} from '../model/index.js';
import { applyOne, lifeMsOf, readArguments } from '../operations/index.js';
import { inlineVerifier, kidOf, userIdOf } from '../signatures/index.js';
import { indexes, keys, type World } from '../state/index.js';
import { batchContext, RecordsContext, type ChaincodeEnvironment } from './environment.js';
import { Contract, Returns, Transaction } from '../fabric/index.js';
import { answer } from './operations-contract.js';

/** Makes every named contract. */
export function namedContracts(environment: ChaincodeEnvironment): Contract[] {
  const families = new Set(OPERATION_TYPES.map((type) => type.slice(0, type.indexOf(':'))));
  return [...families].map((family) => {
    const types = OPERATION_TYPES.filter((type) => type.startsWith(`${family}:`));
    return namedContract(family, types, environment);
  });
}

function namedContract(
  family: string,
  types: readonly OperationType[],
  environment: ChaincodeEnvironment,
): Contract {
  class FamilyContract extends Contract {
    constructor() {
      super(family);
    }
    override createContext(): RecordsContext {
      return new RecordsContext();
    }
  }
  for (const type of types) {
    const name = type.slice(family.length + 1);
    const transaction = async function (
      context: RecordsContext,
      id: string,
      issuedAt: number,
      args: string,
    ): Promise<string> {
      return applyNamed(type, { id, issuedAt, args }, context, environment);
    };
    Object.defineProperty(FamilyContract.prototype, name, { value: transaction });
    // What the compiler writes for a decorated method: the contract metadata is made from it.
    Reflect.defineMetadata(
      'design:paramtypes',
      [RecordsContext, String, Number, String],
      FamilyContract.prototype,
      name,
    );
    Transaction()(FamilyContract.prototype, name);
    Returns('string')(FamilyContract.prototype, name);
  }
  return new FamilyContract();
}

interface NamedCall {
  readonly id: string;
  readonly issuedAt: number;
  /** The type's arguments, as JSON. */
  readonly args: string;
}

async function applyNamed(
  type: OperationType,
  call: NamedCall,
  context: RecordsContext,
  environment: ChaincodeEnvironment,
): Promise<string> {
  const batch = await batchContext(context, environment, inlineVerifier);
  const publicKey = creatorKey(context);
  const kid = kidOf(publicKey);
  const actor = await holderOf(batch.world, publicKey, kid);
  const role = (await batch.world.get(keys.user(actor)))?.role;
  const args = parseArguments(call.args);
  const envelope = envelopeSchema.safeParse({
    v: 1,
    ledger: batch.genesis.channel,
    type,
    actor,
    kid,
    id: call.id,
    issuedAt: call.issuedAt,
    expiresAt: call.issuedAt + lifeMsOf(type, args, role),
    args,
  });
  if (!envelope.success)
    throw new ChaincodeError('BAD_ARGUMENTS', 'id, time or arguments do not fit');
  const operation = incoming(envelope.data);
  if (!fitsOperation(operation.bytes))
    throw new ChaincodeError('BAD_ARGUMENTS', 'the operation is longer than one may be');
  const receipt = await applyOne(operation, (key) => key === publicKey, batch);
  await batch.world.flush();
  answer(context, [receipt]);
  return canonicalise(receipt);
}

function incoming(envelope: Envelope) {
  return { envelope, bytes: operationBytes(envelope), args: readArguments(envelope) };
}

/** The P-256 point of the caller's certificate. */
function creatorKey(context: RecordsContext): string {
  const jwk = certificateKey(context);
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || jwk.x === undefined || jwk.y === undefined) {
    throw new ChaincodeError('UNKNOWN_CREATOR', 'the certificate holds no P-256 key');
  }
  return Buffer.concat([
    Buffer.of(4),
    Buffer.from(jwk.x, 'base64url'),
    Buffer.from(jwk.y, 'base64url'),
  ]).toString('base64url');
}

function certificateKey(context: RecordsContext): JsonWebKey {
  try {
    const certificate = new X509Certificate(context.clientIdentity.getIDBytes());
    return certificate.publicKey.export({ format: 'jwk' });
  } catch {
    throw new ChaincodeError('UNKNOWN_CREATOR', 'the certificate can not be read');
  }
}

async function holderOf(world: World, publicKey: string, kid: string): Promise<string> {
  const first = userIdOf(publicKey);
  if (await world.get(keys.user(first))) return first;
  const rotated = await world.get(indexes.kid(kid));
  return rotated?.user ?? first;
}

const argumentsSchema = envelopeSchema.shape.args;

function parseArguments(text: string): Readonly<Record<string, unknown>> {
  try {
    return argumentsSchema.parse(JSON.parse(text));
  } catch {
    throw new ChaincodeError('BAD_ARGUMENTS', 'the arguments are no JSON object');
  }
}
