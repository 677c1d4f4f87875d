// A process of its own for a test: asks one of two threads, says what it answered, and has nothing more to do.
import { ThreadedVerifier } from './index.js';

const nobodys = { publicKey: '', text: '', signature: '' };
const answers = await new ThreadedVerifier(2).verifyOnOne([nobodys]);
process.stdout.write(answers.join());
