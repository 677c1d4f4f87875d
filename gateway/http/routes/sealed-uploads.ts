// Adding a report that the client has encrypted: an id, the ciphertext with its part keys, and what to sign.

import {
  digestSchema,
  monthSchema,
  operationIdSchema,
  publicKeySchema,
  reportTermsSchema,
  tagSchema,
  userIdSchema,
} from '@prms/chaincode/model';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import type { OwnUploads } from '../../services/own-keys/index.js';
import { json } from '../base/index.js';
import { actorOf, defineRoute } from './define.js';
import { formOf, readForm, readMeta } from './multipart.js';
import { patientItemParams, patientParams, storedImageSchema } from './schemas.js';
import { keyPairsSchema, shownWrap, toPartKeys, wrapSchema } from './sealed.js';
import { CLOUD } from './refusals.js';

/** A sealed label, base64url. */
const LABEL_CHARACTERS = 16 * 1024;

const metaSchema = z.strictObject({
  suite: z.enum(['A256GCM', 'A128GCM']).default('A256GCM'),
  /** Of as many parts as there may be pictures; none for a report too large to hide. */
  parts: keyPairsSchema.optional(),
  label: z.base64url().min(38).max(LABEL_CHARACTERS),
  commitment: digestSchema,
  tag: tagSchema,
  month: monthSchema,
});

export const sealedUploadRoutes = [
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/sealed-reports',
    summary: 'Prepare a report that the client encrypts',
    description:
      'Gives the id to which label and chunks are bound, and which the `report:anchor` must have. `tags`: the categories’ key, for a doctor whose hospital was given it here.',
    tags: ['own keys'],
    auth: 'session',
    params: patientParams,
    body: z.strictObject({ actingFor: userIdSchema.optional() }),
    refusals: [...CLOUD, 'TOO_MANY', 'ELSEWHERE'],
    responses: {
      201: json(
        z.object({
          id: operationIdSchema,
          expiresAt: z.int(),
          epoch: z.object({ number: z.int(), key: publicKeySchema }),
          tags: wrapSchema.optional(),
        }),
        'To be filled and anchored within a day.',
      ),
    },
    handler: async (context) => {
      const { ownUploads } = context.deps;
      const { tags, ...prepared } = await ownUploads.prepare(
        actorOf(context),
        context.params.patient,
        context.body.actingFor,
      );
      return { status: 201, body: { ...prepared, ...(tags && { tags: shownWrap(tags) }) } };
    },
  }),
  defineRoute({
    method: 'put',
    path: '/patients/{patient}/sealed-reports/{id}',
    summary: 'Hand in a prepared report’s ciphertext',
    description:
      'Multipart: the field `meta` (JSON: suite?, parts, label, commitment, tag, month) first, the file `ciphertext`, any number of files `cover`. Answers the terms to be signed in `report:anchor`, and for whom the data key is to be wrapped besides the patient’s epoch.',
    tags: ['own keys'],
    auth: 'session',
    params: patientItemParams,
    takesLong: 'transfer',
    upload: formOf({ meta: true, files: { ciphertext: 'With its tags' }, covers: true }),
    refusals: [...CLOUD, 'TOO_MANY', 'ELSEWHERE'],
    responses: {
      201: json(
        z.object({
          terms: reportTermsSchema,
          images: z.array(storedImageSchema),
          notice: z.string().optional(),
          wrapFor: z.array(z.object({ id: userIdSchema, sealKey: publicKeySchema })),
        }),
        'Stored; not anchored yet.',
      ),
    },
    handler: async (context) => {
      const { config, ownUploads } = context.deps;
      const { patient, id } = context.params;
      const actor = actorOf(context);
      const spool = await ownUploads.begin(actor, patient, id);
      try {
        let ciphertext: Parameters<OwnUploads['receive']>[3] | undefined;
        const form = await readForm(context.request, {
          fileBytes: { cover: config.maxCoverBytes },
          receivers: {
            ciphertext: async (stream) => {
              ciphertext = await spool.take(stream);
            },
          },
          files: config.maxUploadFiles,
          fields: config.maxFormFields,
          fieldBytes: config.maxFieldBytes,
          signal: context.signal,
        });
        if (!ciphertext)
          throw new GatewayError('BAD_REQUEST', 'The form has no file “ciphertext”.');
        const { parts, label, ...meta } = readMeta(form, metaSchema);
        const received = await ownUploads.receive(
          actor,
          patient,
          id,
          ciphertext,
          { ...meta, partKeys: toPartKeys(parts ?? []), label: Buffer.from(label, 'base64url') },
          form.files.map((cover) => cover.bytes),
        );
        const { images, wrapFor, ...rest } = received;
        return { status: 201, body: { ...rest, images: [...images], wrapFor: [...wrapFor] } };
      } finally {
        await ownUploads.end(spool);
      }
    },
  }),
];
