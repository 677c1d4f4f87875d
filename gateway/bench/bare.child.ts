// What Express itself costs: one handler that reads a body and answers with a line, with no middleware at all.
import express from 'express';

const app = express();
app.post('/api/v1/operations', (request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => {
    const line = { line: 1, id: String(bytes), status: 'applied', version: 1 };
    response.set('Content-Type', 'application/x-ndjson').end(`${JSON.stringify(line)}\n`);
  });
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.on('message', (wish) => {
  if (wish === 'close') process.exit(0);
});
process.on('disconnect', () => process.exit(1));
