import { slack } from '@countersign/schemes';
import { verifySlackRequest } from '@slack/bolt';
import { type Group, oneByOne } from '../group.ts';
import { slackByHand } from '../references.ts';

export const slackGroup: Group = {
  name: 'Slack',
  scheme: slack(),
  secrets: [
    '0123456789abcdef0123456789abcdef',
    '123456789abcdef0123456789abcdef0',
    '23456789abcdef0123456789abcdef01',
  ],
  byHand(secrets, request) {
    const verify = slackByHand(secrets);
    return () => verify(request);
  },
  peers: [
    {
      name: '@slack/bolt',
      make: (secrets, { headers, body }) =>
        oneByOne(secrets, (signingSecret) =>
          verifySlackRequest({
            signingSecret,
            body: body.toString(),
            headers: {
              'x-slack-signature': headers['x-slack-signature'] ?? '',
              'x-slack-request-timestamp': Number(headers['x-slack-request-timestamp']),
            },
          }),
        ),
    },
  ],
};
