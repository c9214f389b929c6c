/**
 * Receives the event of a task that has ended, checks its signature and answers at once:
 *
 *   npm install standardwebhooks
 *   WEBHOOK_SECRET=whsec_... PORT=3000 node receive-event.mjs
 */
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set();

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let event;
  try {
    // The bytes as they came: JSON that was parsed and written again has another signature.
    event = webhook.verify(Buffer.concat(chunks).toString('utf8'), request.headers);
  } catch {
    response.writeHead(401).end();
    return;
  }
  // Answer first, work later: an answer after 15 seconds counts as a failure, and the event comes again.
  response.writeHead(204).end();
  const id = request.headers['webhook-id'];
  if (seen.has(id)) return;
  seen.add(id);
  const { task_name, status, succeeded, combinations, links } = event.data;
  console.log(`${event.type}\t${task_name}: ${succeeded} of ${combinations} (${status})\t${links.renders}`);
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () =>
  console.error(`http://127.0.0.1:${server.address().port}`),
);
