// Runs in a worker thread: takes one task, gives one reply.
import { hide, extractCiphertext, hideCiphertext, reveal } from '../container/index.js';
import { readCover, synthesiseCover } from '../cover/index.js';
import { StegoError } from '../errors.js';
import { analyse } from '../steganalysis/index.js';
import type { Reply, Task } from './tasks.js';

async function perform(task: Task): Promise<unknown> {
  switch (task.job) {
    case 'hide':
      return hide(task.request);
    case 'hideCiphertext':
      return hideCiphertext(task.request);
    case 'reveal':
      return reveal(task.request);
    case 'extract':
      return extractCiphertext(task.request.images, task.request.partKeys, task.request.options);
    case 'readCover':
      return readCover(task.request.bytes, task.request.options);
    case 'synthesiseCover':
      return synthesiseCover(task.request);
    case 'analyse':
      return analyse(task.request);
  }
}

/** The worker's entry point. */
export default async function run(task: Task): Promise<Reply> {
  try {
    return { ok: true, answer: await perform(task) };
  } catch (error) {
    if (!(error instanceof StegoError)) throw error;
    return { ok: false, code: error.code, message: error.message, ids: error.ids };
  }
}
