//! Discovery: what the sandbox can do and which attributes it knows (RFC 7644 section 4, RFC 7643 sections 5 to 7).
//!
//! Workplace names it in the plural, as SCIM 1.1 did: `/ServiceProviderConfigs`, `/Schemas/Users`, `/Schemas/Groups`.

use serde_json::{Value, json};

use super::SandboxProfile;
use super::listing::{PAGE, list};
use super::refusal::{Refusal, Result};
use super::schema::{Attribute, ResourceType, Schema};

/// The document at this path below the base, if there is one.
pub(super) fn document(
    path: &[&str],
    profile: SandboxProfile,
    base: &str,
) -> Option<Result<Value>> {
    let catalogue = profile.catalogue();
    let types = [catalogue.user, catalogue.group];
    let plural = profile == SandboxProfile::Workplace;
    Some(match path {
        ["ServiceProviderConfig"] if !plural => Ok(provider(base, "ServiceProviderConfig")),
        ["ServiceProviderConfigs"] if plural => Ok(provider(base, "ServiceProviderConfigs")),
        ["ResourceTypes"] => Ok(list(&types.map(|of| resource_type(of, base)))),
        ["ResourceTypes", name] => types
            .iter()
            .find(|of| of.name.eq_ignore_ascii_case(name))
            .map(|of| resource_type(of, base))
            .ok_or_else(|| Refusal::not_found("resource type", name)),
        ["Schemas"] => Ok(list(
            &schemas(&types)
                .map(|schema| described(schema, base))
                .collect::<Vec<_>>(),
        )),
        ["Schemas", "Users"] if plural => Ok(described(catalogue.user.core, base)),
        ["Schemas", "Groups"] if plural => Ok(described(catalogue.group.core, base)),
        ["Schemas", id] => schemas(&types)
            .find(|schema| schema.id.eq_ignore_ascii_case(id))
            .map(|schema| described(schema, base))
            .ok_or_else(|| Refusal::not_found("schema", id)),
        _ => return None,
    })
}

fn schemas(types: &[&'static ResourceType]) -> impl Iterator<Item = &'static Schema> {
    types
        .iter()
        .flat_map(|of| std::iter::once(of.core).chain(of.extensions.iter().copied()))
}

fn provider(base: &str, name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": PAGE},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": false},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The access token of the sandbox, in the Authorization header",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/{name}")},
    })
}

fn resource_type(of: &ResourceType, base: &str) -> Value {
    let extensions: Vec<Value> = of
        .extensions
        .iter()
        .map(|schema| json!({"schema": schema.id, "required": false}))
        .collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": of.name,
        "name": of.name,
        "endpoint": of.endpoint,
        "description": format!("{}s of the sandbox", of.name),
        "schema": of.core.id,
        "schemaExtensions": extensions,
        "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", of.name)},
    })
}

fn described(schema: &Schema, base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": format!("{} as the sandbox knows it", schema.name),
        "attributes": schema.attributes.iter().map(Attribute::describe).collect::<Vec<_>>(),
        "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id)},
    })
}
