//! The schemas of users and groups in each dialect: RFC 7643 sections 4.1, 4.2 and 4.3, and
//! Workplace's own.
//!
//! The Workplace tables follow the vendor's samples: `manager` has a numeric `managerId` and no
//! `value`; extensions hold start and end dates (Unix seconds), the sign-in method and the state of
//! the invitation; group bodies name the URN of the user schema.

use super::attribute::{Attribute, AttributeType};
use super::profile::SandboxProfile;
use super::schema::{ResourceType, Schema};

/// The resource types of a dialect.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) user: &'static ResourceType,
    pub(crate) group: &'static ResourceType,
}

/// A resource endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Users,
    Groups,
}

impl SandboxProfile {
    pub(crate) fn catalogue(self) -> &'static Catalogue {
        match self {
            SandboxProfile::Generic => &GENERIC,
            SandboxProfile::Workplace => &WORKPLACE,
        }
    }
}

impl Endpoint {
    pub(crate) fn resource_type(self, profile: SandboxProfile) -> &'static ResourceType {
        match self {
            Endpoint::Users => profile.catalogue().user,
            Endpoint::Groups => profile.catalogue().group,
        }
    }
}

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(crate) static GENERIC: Catalogue = Catalogue {
    user: &ResourceType {
        name: "User",
        endpoint: "/Users",
        core_schema: &Schema {
            id: USER,
            name: "User",
            attributes: USER_ATTRIBUTES,
        },
        extensions: &[&Schema {
            id: ENTERPRISE,
            name: "EnterpriseUser",
            attributes: ENTERPRISE_ATTRIBUTES,
        }],
        accepted_urns: &[],
    },
    group: &ResourceType {
        name: "Group",
        endpoint: "/Groups",
        core_schema: &Schema {
            id: GROUP,
            name: "Group",
            attributes: GROUP_ATTRIBUTES,
        },
        extensions: &[],
        accepted_urns: &[],
    },
};

static WORKPLACE: Catalogue = Catalogue {
    user: &ResourceType {
        name: "User",
        endpoint: "/Users",
        core_schema: &Schema {
            id: USER,
            name: "User",
            attributes: WORKPLACE_USER,
        },
        extensions: &[
            &Schema {
                id: ENTERPRISE,
                name: "EnterpriseUser",
                attributes: WORKPLACE_ENTERPRISE,
            },
            &Schema {
                id: "urn:ietf:params:scim:schemas:extension:facebook:starttermdates:2.0:User",
                name: "StartTermDates",
                attributes: &[
                    Attribute::new("startDate", AttributeType::Integer),
                    Attribute::new("termDate", AttributeType::Integer),
                ],
            },
            &Schema {
                id: "urn:ietf:params:scim:schemas:extension:facebook:accountstatusdetails:2.0:User",
                name: "AccountStatusDetails",
                attributes: &[
                    Attribute::new("invited", AttributeType::Boolean).read_only(),
                    Attribute::new("inviteDate", AttributeType::Integer).read_only(),
                    Attribute::new("claimed", AttributeType::Boolean).read_only(),
                    Attribute::new("claimDate", AttributeType::Integer).read_only(),
                ],
            },
            &Schema {
                id: "urn:ietf:params:scim:schemas:extension:facebook:authmethod:2.0:User",
                name: "AuthMethod",
                attributes: &[
                    Attribute::string("authMethod").canonical_values(&["password", "sso"])
                ],
            },
        ],
        accepted_urns: &[],
    },
    group: &ResourceType {
        name: "Group",
        endpoint: "/Groups",
        core_schema: &Schema {
            id: GROUP,
            name: "Group",
            attributes: WORKPLACE_GROUP,
        },
        extensions: &[],
        accepted_urns: &[USER],
    },
};

const USER_NAME: Attribute = Attribute::string("userName").unique();
const USER_ATTRIBUTES: &[Attribute] = &user_attributes(USER_NAME.required());
/// `userName` is optional: a person without an e-mail address has an `externalId` only.
const WORKPLACE_USER: &[Attribute] = &user_attributes(USER_NAME);

const fn user_attributes(user_name: Attribute) -> [Attribute; 21] {
    [
        user_name,
        Attribute::complex("name", NAME_PARTS),
        Attribute::string("displayName"),
        Attribute::string("nickName"),
        Attribute::new("profileUrl", AttributeType::Reference).reference_types(&["external"]),
        Attribute::string("title"),
        Attribute::string("userType"),
        Attribute::string("preferredLanguage"),
        Attribute::string("locale"),
        Attribute::string("timezone"),
        Attribute::new("active", AttributeType::Boolean),
        Attribute::string("password").write_only(),
        Attribute::complex("emails", WORK_HOME_VALUE).multi_valued(),
        Attribute::complex("phoneNumbers", PHONE).multi_valued(),
        Attribute::complex("ims", TYPED_VALUE).multi_valued(),
        Attribute::complex("photos", PHOTO).multi_valued(),
        Attribute::complex("addresses", ADDRESS).multi_valued(),
        Attribute::complex("groups", MEMBERSHIP)
            .multi_valued()
            .read_only(),
        Attribute::complex("entitlements", TYPED_VALUE).multi_valued(),
        Attribute::complex("roles", TYPED_VALUE).multi_valued(),
        Attribute::complex("x509Certificates", CERTIFICATE).multi_valued(),
    ]
}

const NAME_PARTS: &[Attribute] = &[
    Attribute::string("formatted"),
    Attribute::string("familyName"),
    Attribute::string("givenName"),
    Attribute::string("middleName"),
    Attribute::string("honorificPrefix"),
    Attribute::string("honorificSuffix"),
];

const DISPLAY: Attribute = Attribute::string("display");
const TYPE: Attribute = Attribute::string("type");
const PRIMARY: Attribute = Attribute::new("primary", AttributeType::Boolean);
const WORK_HOME_TYPE: Attribute =
    Attribute::string("type").canonical_values(&["work", "home", "other"]);

const TYPED_VALUE: &[Attribute] = &[Attribute::string("value"), DISPLAY, TYPE, PRIMARY];
const WORK_HOME_VALUE: &[Attribute] =
    &[Attribute::string("value"), DISPLAY, WORK_HOME_TYPE, PRIMARY];
const PHONE: &[Attribute] = &[
    Attribute::string("value"),
    DISPLAY,
    Attribute::string("type")
        .canonical_values(&["work", "home", "mobile", "fax", "pager", "other"]),
    PRIMARY,
];
const PHOTO: &[Attribute] = &[
    Attribute::new("value", AttributeType::Reference).reference_types(&["external"]),
    DISPLAY,
    Attribute::string("type").canonical_values(&["photo", "thumbnail"]),
    PRIMARY,
];
const CERTIFICATE: &[Attribute] = &[
    Attribute::new("value", AttributeType::Binary),
    DISPLAY,
    TYPE,
    PRIMARY,
];
const ADDRESS: &[Attribute] = &[
    Attribute::string("formatted"),
    Attribute::string("streetAddress"),
    Attribute::string("locality"),
    Attribute::string("region"),
    Attribute::string("postalCode"),
    Attribute::string("country"),
    WORK_HOME_TYPE,
    PRIMARY,
];
const MEMBERSHIP: &[Attribute] = &[
    Attribute::string("value").read_only(),
    Attribute::new("$ref", AttributeType::Reference)
        .read_only()
        .reference_types(&["Group"]),
    Attribute::string("display").read_only(),
    Attribute::string("type")
        .read_only()
        .canonical_values(&["direct", "indirect"]),
];

const GROUP_NAME: Attribute = Attribute::string("displayName").required();
const MEMBER: Attribute = Attribute::string("value").case_exact().immutable();
const MEMBER_REF: Attribute = Attribute::new("$ref", AttributeType::Reference)
    .immutable()
    .reference_types(&["User", "Group"]);
// Read-only, so a client may send it and the server ignores it: the member has the name.
const MEMBER_DISPLAY: Attribute = Attribute::string("display").read_only();
const MEMBER_TYPE: Attribute = Attribute::string("type")
    .immutable()
    .canonical_values(&["User", "Group"]);

const GROUP_ATTRIBUTES: &[Attribute] = &[
    GROUP_NAME,
    Attribute::complex(
        "members",
        &[MEMBER, MEMBER_REF, MEMBER_DISPLAY, MEMBER_TYPE],
    )
    .multi_valued(),
];

const WORKPLACE_GROUP: &[Attribute] = &[
    GROUP_NAME,
    Attribute::complex(
        "members",
        &[
            MEMBER.accepts_number(),
            MEMBER_REF,
            MEMBER_DISPLAY,
            MEMBER_TYPE,
        ],
    )
    .multi_valued(),
];

const EMPLOYEE_NUMBER: Attribute = Attribute::string("employeeNumber");
const COST_CENTER: Attribute = Attribute::string("costCenter");
const ORGANIZATION: Attribute = Attribute::string("organization");
const DIVISION: Attribute = Attribute::string("division");
const DEPARTMENT: Attribute = Attribute::string("department");

const ENTERPRISE_ATTRIBUTES: &[Attribute] = &[
    EMPLOYEE_NUMBER,
    COST_CENTER,
    ORGANIZATION,
    DIVISION,
    DEPARTMENT,
    Attribute::complex(
        "manager",
        &[
            Attribute::string("value").case_exact(),
            Attribute::new("$ref", AttributeType::Reference).reference_types(&["User"]),
            Attribute::string("displayName").read_only(),
        ],
    ),
];

const WORKPLACE_ENTERPRISE: &[Attribute] = &[
    EMPLOYEE_NUMBER,
    COST_CENTER,
    ORGANIZATION,
    DIVISION,
    DEPARTMENT,
    Attribute::complex(
        "manager",
        &[
            Attribute::new("managerId", AttributeType::Integer),
            Attribute::string("displayName").read_only(),
        ],
    ),
];
