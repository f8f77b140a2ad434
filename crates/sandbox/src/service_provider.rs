//! The state of the SCIM service provider: its resources and the faults that are on.
//!
//! [`super::write`] and [`super::endpoints`] work on it. It does no I/O and reads no clock.

use serde_json::{Map, Value};

use super::active_faults::ActiveFaults;
use super::catalogue::Endpoint;
use super::fault::Effect;
use super::location::add_locations;
use super::message::ScimRequest;
use super::profile::SandboxProfile;
use super::projection::Projection;
use super::resource_store::ResourceStore;
use super::schema::ResourceType;

#[derive(Debug)]
pub(crate) struct ServiceProvider {
    pub(crate) profile: SandboxProfile,
    pub(crate) store: ResourceStore,
    pub(crate) faults: ActiveFaults,
}

impl ServiceProvider {
    pub(crate) fn new(profile: SandboxProfile) -> Self {
        Self {
            profile,
            store: ResourceStore::new(profile),
            faults: ActiveFaults::default(),
        }
    }

    pub(crate) fn resource_type(&self, endpoint: Endpoint) -> &'static ResourceType {
        endpoint.resource_type(self.profile)
    }

    /// Takes the first fault that affects this request and that `pick` accepts.
    pub(crate) fn take_fault<T>(
        &mut self,
        request: &ScimRequest,
        pick: impl FnMut(&Effect) -> Option<T>,
    ) -> Option<T> {
        self.faults.take(&request.method, &request.path, pick)
    }

    /// Takes the first fault that affects this request and has exactly this effect.
    pub(crate) fn take_effect(&mut self, request: &ScimRequest, wanted: &Effect) -> bool {
        self.take_fault(request, |effect| (effect == wanted).then_some(()))
            .is_some()
    }
}

/// A stored resource as a response represents it.
pub(crate) fn represent(
    attributes: &Map<String, Value>,
    resource_type: &'static ResourceType,
    projection: &Projection,
    base: &str,
) -> Value {
    let located = add_locations(attributes.clone(), resource_type, base);
    Value::Object(projection.apply(located, resource_type))
}
