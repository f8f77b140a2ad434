// better-auth with its SCIM plugin, and its adapter that keeps everything in memory.
import { createServer } from "node:http";
import { scim } from "@better-auth/scim";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";

const { PORT, TOKEN } = process.env;
const tables = [
  "user", "session", "account", "verification", "rateLimit", "scimConnectionBinding",
  "scimIdentityTombstone", "scimSubject", "scimUser", "scimProjectionGrant", "scimGroup",
  "scimGroupMember",
];

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: "a secret that signs no session of anybody",
  database: memoryAdapter(Object.fromEntries(tables.map((name) => [name, []]))),
  telemetry: { enabled: false },
  plugins: [scim({
    connections: [{ id: "hirewire", credentials: [{ id: "hirewire", token: TOKEN }] }],
  })],
});

createServer(toNodeHandler(auth)).listen(Number(PORT), "127.0.0.1");
