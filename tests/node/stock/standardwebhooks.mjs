// standardwebhooks, as a receiver uses it: a JSON list of webhooks comes in, and out goes for each whether it is valid.
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';

const isValid = ({ secret, headers, body }) => {
  try {
    new Webhook(secret).verify(Buffer.from(body), headers);
    return true;
  } catch (error) {
    if (error.name !== 'WebhookVerificationError') throw error;
    return false;
  }
};

console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(isValid)));
