// The WebSocket of a consultation: docs/consultations.md. What is said there and over plain requests is the same.

import { CLOSE, socketDefiner } from '../base/index.js';
import type { Services } from '../../services/index.js';
import { patientItemParams } from './schemas.js';

const defineSocket = socketDefiner<Services>();

export const consultationSocket = defineSocket({
  path: '/patients/{patient}/consultations/{id}/socket',
  params: patientItemParams,
  admit: async ({ deps, session, params }) => {
    const actor = deps.logins.actor(session);
    const seat = await deps.consultations.arrive(actor, params.patient, params.id);
    return (channel) =>
      seat({
        get isOpen() {
          return channel.isOpen;
        },
        send: (frame) => channel.send(frame),
        mayHear: () => channel.mayHear(),
        drained: () => channel.drained(),
        problem: (error) => channel.problem(error),
        close: (why) => channel.close(CLOSE[why]),
      });
  },
});
