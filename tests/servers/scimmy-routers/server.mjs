// scimmy-routers as its README shows it, with users and groups in memory.
//
// scimmy leaves the storage to the application: this one keeps what the library hands it.
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const { PORT, TOKEN } = process.env;
let lastId = 0;

function declare(Resource, unique) {
  const stored = new Map();

  const conflicts = (data, id) =>
    [...stored.values()].some(
      (other) => other.id !== id && other[unique]?.toLowerCase() === data[unique]?.toLowerCase(),
    );

  SCIMMY.Resources.declare(Resource)
    .ingress((resource, data) => {
      const { id = String(++lastId) } = resource;
      const before = stored.get(id);
      if (resource.id && !before) throw new SCIMMY.Types.Error(404, null, `${id} is not known`);
      if (conflicts(data, id)) throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
      const now = new Date();
      const meta = { created: before?.meta.created ?? now, lastModified: now };
      const kept = { ...JSON.parse(JSON.stringify(data)), id, meta };
      stored.set(id, kept);
      return kept;
    })
    .egress((resource) => {
      if (resource.id) {
        if (stored.has(resource.id)) return stored.get(resource.id);
        throw new SCIMMY.Types.Error(404, null, `${resource.id} is not known`);
      }
      const all = [...stored.values()];
      return resource.filter ? resource.filter.match(all) : all;
    })
    .degress((resource) => {
      if (!stored.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, "not known");
    });
}

declare(SCIMMY.Resources.User, "userName");
declare(SCIMMY.Resources.Group, "displayName");
SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);

express()
  .use("/scim", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
      if (request.header("authorization") !== `Bearer ${TOKEN}`) throw new Error("no token");
      return "hirewire";
    },
  }))
  .listen(Number(PORT), "127.0.0.1");
