/** What the answers about settings, maintenance and the service look like, for the OpenAPI document. */
import { Type } from "@sinclair/typebox";
import { Link } from "../http/schemas.ts";

export const Setting = Type.Object({
  content: Type.Object({
    name: Type.String(),
    description: Type.String(),
    defaultValue: Type.Unknown({ description: "Of the same kind as the value." }),
    value: Type.Unknown(),
  }),
  links: Type.Array(Type.Ref(Link), { description: "`self`, `update`, and `reset` where it is not the default." }),
});

export const SettingUpdate = Type.Object(
  { value: Type.Unknown({ description: "The new value; every other member is ignored." }) },
  { examples: [{ name: "expiration_max_duration_in_hours", value: 240 }] },
);

export const Readiness = Type.Object({ ready: Type.Boolean(), reasons: Type.Array(Type.String()) });

export const Maintenance = Type.Object({
  content: Type.Record(
    Type.String(),
    Type.Object({
      active: Type.Boolean(),
      lastUpdate: Type.Optional(Type.String({ format: "date-time", description: "When it was switched last." })),
      message: Type.Optional(Type.String()),
    }),
  ),
  links: Type.Array(Type.Ref(Link)),
});

export const SecurityResource = Type.Object({
  microservice: Type.String(),
  resource: Type.String({ description: "Path below the service's prefix." }),
  verb: Type.String(),
  operation: Type.String({ description: "Name of the route." }),
  role: Type.String({ description: "The least role that may call it now." }),
  defaultRole: Type.String({ description: "The built-in one." }),
  rolesToChoose: Type.Array(Type.String(), { description: "What an administrator may put in its place." }),
  description: Type.String(),
});

export const RouteRole = Type.Object(
  { role: Type.String({ description: "One of the route's `rolesToChoose`." }) },
  { examples: [{ role: "EXPLOIT" }] },
);

const ModuleInformation = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  version: Type.String(),
  author: Type.String(),
  legalOwner: Type.String(),
});

export const Configuration = Type.Object({
  microservice: Type.String(),
  modules: Type.Array(
    Type.Object({
      module: ModuleInformation,
      resetBeforeImport: Type.Boolean(),
      configuration: Type.Array(
        Type.Object({
          key: Type.String({ description: "Kind of the item: a setting of the tenant, or the role of a route." }),
          value: Type.Object({
            name: Type.String(),
            description: Type.String(),
            value: Type.String({ description: "JSON." }),
            defaultValue: Type.String({ description: "JSON." }),
            className: Type.String(),
            containsSensitiveParameters: Type.Boolean(),
          }),
        }),
      ),
    }),
  ),
});

export const ImportReport = Type.Object({
  moduleInformation: ModuleInformation,
  importErrors: Type.Array(Type.String()),
  onlyErrors: Type.Boolean(),
});
