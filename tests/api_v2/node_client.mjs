// Drives the vendor's Node client through v2 and prints what it got. usage: node node_client.mjs PACKAGE BASE TOKEN ACCOUNT URL
import { createRequire } from "node:module";

const [, , folder, baseUrl, accessToken, account, url] = process.argv;
const { DNSimple } = createRequire(import.meta.url)(folder);

// The client's own fetcher speaks https alone
const fetcher = async ({ url, method, headers, body }) => {
  const answer = await fetch(url, { method, headers, body });
  return { status: answer.status, body: await answer.text() };
};
const clientWith = (token) => new DNSimple({ accessToken: token, baseUrl, fetcher });
const client = clientWith(accessToken);
const refused = async (call) => {
  try {
    await call();
  } catch (problem) {
    return {
      kind: problem.constructor.name,
      status: problem.status,
      message: problem.data?.message ?? null,
      errors: problem.attributeErrors?.() ?? null,
    };
  }
  return null;
};

const own = Number(account);
const told = { empty: await client.webhooks.listWebhooks(own) };
told.created = [];
for (const n of [0, 1, 2]) told.created.push(await client.webhooks.createWebhook(own, { url: `${url}/${n}` }));
const [first] = told.created.map((each) => each.data.id);
told.listed = await client.webhooks.listWebhooks(own);
told.turned = await client.webhooks.listWebhooks(own, { sort: "id:desc" });
told.read = await client.webhooks.getWebhook(own, first);
told.deleted = await client.webhooks.deleteWebhook(own, first);
told.gone = await refused(() => client.webhooks.getWebhook(own, first));
told.again = await refused(() => client.webhooks.deleteWebhook(own, first));
told.whoami = await client.identity.whoami();
told.accounts = await client.accounts.listAccounts();
told.invalid = await refused(() => client.webhooks.createWebhook(own, {}));
told.elsewhere = await refused(() => client.webhooks.listWebhooks(own + 1_000_000));
told.unknown = await refused(() => clientWith("unknown").identity.whoami());
told.method = await refused(() => client.request("PUT", `/${own}/webhooks`, {}, {}));
console.log(JSON.stringify(told));
