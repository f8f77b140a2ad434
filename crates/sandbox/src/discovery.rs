//! The discovery endpoints (RFC 7644 section 4): the service provider configuration, the resource
//! types and the schemas (RFC 7643 sections 5 to 7).
//!
//! Workplace uses the plural names of SCIM 1.1: `/ServiceProviderConfigs`, `/Schemas/Users` and
//! `/Schemas/Groups`.

use serde_json::{Value, json};

use super::attribute::Attribute;
use super::profile::SandboxProfile;
use super::schema::{ResourceType, Schema};
use super::scim_error::{ScimError, ScimResult};
use super::search_request::{MAX_RESULTS, list_response};

/// The document at this path below the base URL; `None` if the path is no discovery endpoint.
pub(crate) fn document(
    path: &[&str],
    profile: SandboxProfile,
    base: &str,
) -> Option<ScimResult<Value>> {
    let catalogue = profile.catalogue();
    let types = [catalogue.user, catalogue.group];
    let plural = profile == SandboxProfile::Workplace;

    Some(match path {
        ["ServiceProviderConfig"] if !plural => {
            Ok(provider_configuration(base, "ServiceProviderConfig"))
        }
        ["ServiceProviderConfigs"] if plural => {
            Ok(provider_configuration(base, "ServiceProviderConfigs"))
        }
        ["ResourceTypes"] => {
            let documents = types.map(|resource_type| resource_type_document(resource_type, base));
            Ok(list_response(&documents))
        }
        ["ResourceTypes", name] => types
            .iter()
            .find(|resource_type| resource_type.name.eq_ignore_ascii_case(name))
            .map(|resource_type| resource_type_document(resource_type, base))
            .ok_or_else(|| ScimError::not_found("resource type", name)),
        ["Schemas"] => {
            let documents: Vec<Value> = schemas(&types)
                .map(|schema| schema_document(schema, base))
                .collect();
            Ok(list_response(&documents))
        }
        ["Schemas", "Users"] if plural => Ok(schema_document(catalogue.user.core_schema, base)),
        ["Schemas", "Groups"] if plural => Ok(schema_document(catalogue.group.core_schema, base)),
        ["Schemas", id] => schemas(&types)
            .find(|schema| schema.id.eq_ignore_ascii_case(id))
            .map(|schema| schema_document(schema, base))
            .ok_or_else(|| ScimError::not_found("schema", id)),
        _ => return None,
    })
}

fn schemas(types: &[&'static ResourceType]) -> impl Iterator<Item = &'static Schema> {
    types.iter().flat_map(|resource_type| {
        std::iter::once(resource_type.core_schema).chain(resource_type.extensions.iter().copied())
    })
}

fn provider_configuration(base: &str, name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MAX_RESULTS},
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

fn resource_type_document(resource_type: &ResourceType, base: &str) -> Value {
    let name = resource_type.name;
    let extensions: Vec<Value> = resource_type
        .extensions
        .iter()
        .map(|schema| json!({"schema": schema.id, "required": false}))
        .collect();

    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": name,
        "name": name,
        "endpoint": resource_type.endpoint,
        "description": format!("{name}s of the sandbox"),
        "schema": resource_type.core_schema.id,
        "schemaExtensions": extensions,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}/ResourceTypes/{name}"),
        },
    })
}

fn schema_document(schema: &Schema, base: &str) -> Value {
    let attributes: Vec<Value> = schema.attributes.iter().map(Attribute::describe).collect();

    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": format!("The schema {} of the sandbox", schema.name),
        "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id)},
    })
}
