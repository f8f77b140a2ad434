//! The attributes of users and groups: RFC 7643 sections 3.1, 4.1, 4.2, 4.3, and what Workplace makes of them.
//!
//! Workplace's tables follow `facts/scim.md` section 1 of the project's notes (the vendor's samples): `manager` has
//! a numeric `managerId` instead of a `value`, there are extensions for start and end dates (Unix seconds), for
//! the way of signing in and for the state of the invitation, and groups are sent with the user's URN.

use super::SandboxProfile;
use super::schema::{Attribute, Kind, ResourceType, Schema};

/// The resource types that a dialect serves.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub user: &'static ResourceType,
    pub group: &'static ResourceType,
}

impl SandboxProfile {
    pub(super) fn catalogue(self) -> &'static Catalogue {
        match self {
            SandboxProfile::Generic => &GENERIC,
            SandboxProfile::Workplace => &WORKPLACE,
        }
    }
}

pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(super) static GENERIC: Catalogue = Catalogue {
    user: &ResourceType {
        name: "User",
        endpoint: "/Users",
        core: &Schema {
            id: USER,
            name: "User",
            attributes: USER_ATTRIBUTES,
        },
        extensions: &[&Schema {
            id: ENTERPRISE,
            name: "EnterpriseUser",
            attributes: ENTERPRISE_ATTRIBUTES,
        }],
        tolerated: &[],
    },
    group: &ResourceType {
        name: "Group",
        endpoint: "/Groups",
        core: &Schema {
            id: GROUP,
            name: "Group",
            attributes: GROUP_ATTRIBUTES,
        },
        extensions: &[],
        tolerated: &[],
    },
};

static WORKPLACE: Catalogue = Catalogue {
    user: &ResourceType {
        name: "User",
        endpoint: "/Users",
        core: &Schema {
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
                    Attribute::new("startDate", Kind::Integer),
                    Attribute::new("termDate", Kind::Integer),
                ],
            },
            &Schema {
                id: "urn:ietf:params:scim:schemas:extension:facebook:accountstatusdetails:2.0:User",
                name: "AccountStatusDetails",
                attributes: &[
                    Attribute::new("invited", Kind::Boolean).read_only(),
                    Attribute::new("inviteDate", Kind::Integer).read_only(),
                    Attribute::new("claimed", Kind::Boolean).read_only(),
                    Attribute::new("claimDate", Kind::Integer).read_only(),
                ],
            },
            &Schema {
                id: "urn:ietf:params:scim:schemas:extension:facebook:authmethod:2.0:User",
                name: "AuthMethod",
                attributes: &[Attribute::text("authMethod").canonical(&["password", "sso"])],
            },
        ],
        tolerated: &[],
    },
    group: &ResourceType {
        name: "Group",
        endpoint: "/Groups",
        core: &Schema {
            id: GROUP,
            name: "Group",
            attributes: WORKPLACE_GROUP,
        },
        extensions: &[],
        tolerated: &[USER],
    },
};

/// RFC 7643 section 3.1, and `schemas` itself.
pub(super) const COMMON: &[Attribute] = &[
    Attribute::new("schemas", Kind::Reference).many().always(),
    Attribute::text("id")
        .case_exact()
        .read_only()
        .always()
        .unique(),
    Attribute::text("externalId").case_exact(),
    Attribute::complex(
        "meta",
        &[
            Attribute::text("resourceType").case_exact().read_only(),
            Attribute::new("created", Kind::DateTime).read_only(),
            Attribute::new("lastModified", Kind::DateTime).read_only(),
            Attribute::new("location", Kind::Reference).read_only(),
        ],
    )
    .read_only(),
];

const USER_NAME: Attribute = Attribute::text("userName").unique();
const USER_ATTRIBUTES: &[Attribute] = &user_attributes(USER_NAME.required());
/// People without an e-mail address have an externalId alone.
const WORKPLACE_USER: &[Attribute] = &user_attributes(USER_NAME);

const fn user_attributes(user_name: Attribute) -> [Attribute; 21] {
    [
        user_name,
        Attribute::complex("name", NAME),
        Attribute::text("displayName"),
        Attribute::text("nickName"),
        Attribute::new("profileUrl", Kind::Reference).references(&["external"]),
        Attribute::text("title"),
        Attribute::text("userType"),
        Attribute::text("preferredLanguage"),
        Attribute::text("locale"),
        Attribute::text("timezone"),
        Attribute::new("active", Kind::Boolean),
        Attribute::text("password").write_only(),
        Attribute::complex("emails", TYPED_WORK_HOME).many(),
        Attribute::complex("phoneNumbers", PHONE).many(),
        Attribute::complex("ims", TYPED).many(),
        Attribute::complex("photos", PHOTO).many(),
        Attribute::complex("addresses", ADDRESS).many(),
        Attribute::complex("groups", MEMBERSHIP).many().read_only(),
        Attribute::complex("entitlements", TYPED).many(),
        Attribute::complex("roles", TYPED).many(),
        Attribute::complex("x509Certificates", CERTIFICATE).many(),
    ]
}

const NAME: &[Attribute] = &[
    Attribute::text("formatted"),
    Attribute::text("familyName"),
    Attribute::text("givenName"),
    Attribute::text("middleName"),
    Attribute::text("honorificPrefix"),
    Attribute::text("honorificSuffix"),
];

const DISPLAY: Attribute = Attribute::text("display");
const TYPE: Attribute = Attribute::text("type");
const PRIMARY: Attribute = Attribute::new("primary", Kind::Boolean);
const WORK_HOME: Attribute = Attribute::text("type").canonical(&["work", "home", "other"]);

const TYPED: &[Attribute] = &[Attribute::text("value"), DISPLAY, TYPE, PRIMARY];
const TYPED_WORK_HOME: &[Attribute] = &[Attribute::text("value"), DISPLAY, WORK_HOME, PRIMARY];
const PHONE: &[Attribute] = &[
    Attribute::text("value"),
    DISPLAY,
    Attribute::text("type").canonical(&["work", "home", "mobile", "fax", "pager", "other"]),
    PRIMARY,
];
const PHOTO: &[Attribute] = &[
    Attribute::new("value", Kind::Reference).references(&["external"]),
    DISPLAY,
    Attribute::text("type").canonical(&["photo", "thumbnail"]),
    PRIMARY,
];
const CERTIFICATE: &[Attribute] = &[
    Attribute::new("value", Kind::Binary),
    DISPLAY,
    TYPE,
    PRIMARY,
];
const ADDRESS: &[Attribute] = &[
    Attribute::text("formatted"),
    Attribute::text("streetAddress"),
    Attribute::text("locality"),
    Attribute::text("region"),
    Attribute::text("postalCode"),
    Attribute::text("country"),
    WORK_HOME,
    PRIMARY,
];
const MEMBERSHIP: &[Attribute] = &[
    Attribute::text("value").read_only(),
    Attribute::new("$ref", Kind::Reference)
        .read_only()
        .references(&["Group"]),
    Attribute::text("display").read_only(),
    Attribute::text("type")
        .read_only()
        .canonical(&["direct", "indirect"]),
];

const GROUP_NAME: Attribute = Attribute::text("displayName").required();
const MEMBER: Attribute = Attribute::text("value").case_exact().immutable();
const MEMBER_REF: Attribute = Attribute::new("$ref", Kind::Reference)
    .immutable()
    .references(&["User", "Group"]);
// Taken, so that clients may send it, and ignored: names belong to the members.
const MEMBER_DISPLAY: Attribute = Attribute::text("display").read_only();
const MEMBER_TYPE: Attribute = Attribute::text("type")
    .immutable()
    .canonical(&["User", "Group"]);

const GROUP_ATTRIBUTES: &[Attribute] = &[
    GROUP_NAME,
    Attribute::complex(
        "members",
        &[MEMBER, MEMBER_REF, MEMBER_DISPLAY, MEMBER_TYPE],
    )
    .many(),
];

const WORKPLACE_GROUP: &[Attribute] = &[
    GROUP_NAME,
    Attribute::complex(
        "members",
        &[MEMBER.or_number(), MEMBER_REF, MEMBER_DISPLAY, MEMBER_TYPE],
    )
    .many(),
];

const NUMBER: Attribute = Attribute::text("employeeNumber");
const COST_CENTER: Attribute = Attribute::text("costCenter");
const ORGANIZATION: Attribute = Attribute::text("organization");
const DIVISION: Attribute = Attribute::text("division");
const DEPARTMENT: Attribute = Attribute::text("department");

const ENTERPRISE_ATTRIBUTES: &[Attribute] = &[
    NUMBER,
    COST_CENTER,
    ORGANIZATION,
    DIVISION,
    DEPARTMENT,
    Attribute::complex(
        "manager",
        &[
            Attribute::text("value").case_exact(),
            Attribute::new("$ref", Kind::Reference).references(&["User"]),
            Attribute::text("displayName").read_only(),
        ],
    ),
];

const WORKPLACE_ENTERPRISE: &[Attribute] = &[
    NUMBER,
    COST_CENTER,
    ORGANIZATION,
    DIVISION,
    DEPARTMENT,
    Attribute::complex(
        "manager",
        &[
            Attribute::new("managerId", Kind::Integer),
            Attribute::text("displayName").read_only(),
        ],
    ),
];
