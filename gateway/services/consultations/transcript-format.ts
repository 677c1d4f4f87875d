// The form of a transcript, as a schema: docs/consultations.md.

import { operationIdSchema, ROLES, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { shownSchema } from './chain.js';

const text = z.string().max(4_000_000);
const place = z.object({ index: z.int(), count: z.int(), path: z.array(z.string()).readonly() });

/** As `TransactionProof` of the ledger's evidence. */
const proofSchema = z.object({
  kind: z.literal('embedded'),
  transactionId: z.string(),
  block: z.int(),
  place,
  head: text,
  args: z.array(z.string()).readonly(),
  response: z.string(),
  rest: z.string(),
  lines: z
    .array(
      z.object({
        line: text,
        place,
        answer: z.object({ line: text, path: z.array(z.string()).readonly() }).exactOptional(),
      }),
    )
    .readonly(),
});
const anchorSchema = z.object({ proof: proofSchema });

export const transcriptSchema = z.object({
  kind: z.literal('prms-transcript'),
  v: z.literal(1),
  ledger: z.string(),
  consultation: z.object({
    id: operationIdSchema,
    patient: userIdSchema,
    doctor: userIdSchema,
    hospital: userIdSchema,
    status: z.enum(['open', 'closed']),
    openedAt: z.int(),
  }),
  participants: z.array(
    z.object({
      id: userIdSchema,
      role: z.enum(ROLES),
      keys: z.array(z.object({ kid: z.string(), sign: z.string() })),
    }),
  ),
  /** `secret` opens the messages; without it the ciphertexts alone are verified. */
  key: z.object({ commitment: z.string(), secret: z.string().optional() }).optional(),
  messages: z.array(shownSchema),
  /** What the ledger holds of the consultation, oldest first: opened, anchored, closed. */
  anchors: z.array(anchorSchema),
  /** From the genesis block to the head when it was made; `hashes`: 32 bytes for each block. */
  chain: z.object({
    anchor: z.object({
      kind: z.literal('embedded'),
      genesis: text,
      height: z.int(),
      headHash: z.string(),
      headSignature: z.string(),
    }),
    hashes: z.string().optional(),
  }),
});
export type Transcript = z.infer<typeof transcriptSchema>;
export type TranscriptAnchor = z.infer<typeof anchorSchema>;
