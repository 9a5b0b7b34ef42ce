//! The calls, in the words of a user: with these credentials, expect this answer or that refusal.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{
    Caller, CreateUserRequest, GetUserRequest, GreetRequest, GreetResponse, IssueTokenRequest,
    IssueTokenResponse, User,
};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// A password that breaks no rule.
pub const PASSWORD: &str = "correct horse battery";

/// What goes into `authorization`.
#[derive(Clone, Debug)]
pub enum Credentials<'a> {
    None,
    Bearer(&'a str),
    Basic(&'a str, &'a str),
    Raw(&'a str),
}

#[derive(Clone)]
pub struct Client(AuthServiceClient<Channel>);

/// A refusal as programs see it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: Code,
    pub reason: String,
    /// The field that is named, if one is.
    pub field: Option<String>,
}

/// Reads a refusal, and checks what every refusal has.
pub fn refused(status: &Status) -> Refused {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "auth.v1");
    let request = details.request_info().unwrap_or_else(|| panic!("no RequestInfo in {status:?}"));
    let header = status.metadata().get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
    assert_eq!(
        header.as_deref(),
        Some(request.request_id.as_str()),
        "the header and the detail name one call"
    );
    assert!(!status.message().is_empty());
    let throttled = matches!(info.reason.as_str(), "RATE_LIMITED" | "HASHING_BUSY");
    assert_eq!(details.retry_info().is_some(), throttled, "{status:?}");
    let field = details.bad_request().and_then(|bad| bad.field_violations.first()).map(|v| v.field.clone());
    Refused { code: status.code(), reason: info.reason.clone(), field }
}

impl Refused {
    pub fn new(code: Code, reason: &str) -> Self {
        Self { code, reason: reason.to_owned(), field: None }
    }

    pub fn unauthenticated(reason: &str) -> Self {
        Self::new(Code::Unauthenticated, reason)
    }

    pub fn field(field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(Code::InvalidArgument, "FIELD_INVALID") }
    }
}

pub fn basic_header(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

impl Credentials<'_> {
    pub fn attach<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let value = match self {
            Credentials::None => return request,
            Credentials::Bearer(token) => format!("Bearer {token}"),
            Credentials::Basic(username, password) => basic_header(username, password),
            Credentials::Raw(value) => (*value).to_owned(),
        };
        request.metadata_mut().insert("authorization", MetadataValue::try_from(value).unwrap());
        request
    }
}

impl Client {
    pub fn new(channel: Channel) -> Self {
        Self(AuthServiceClient::new(channel))
    }

    pub(super) fn service(&self) -> AuthServiceClient<Channel> {
        self.0.clone()
    }

    pub async fn create_user(&self, username: &str, password: &str) -> Result<User, Refused> {
        self.create_user_as(Credentials::None, username, password).await
    }

    pub async fn create_user_as(
        &self,
        credentials: Credentials<'_>,
        username: &str,
        password: &str,
    ) -> Result<User, Refused> {
        let message = CreateUserRequest { username: username.to_owned(), password: password.to_owned() };
        let answer = self.0.clone().create_user(credentials.attach(message)).await;
        answer.map(|answer| answer.into_inner().user.unwrap()).map_err(|status| refused(&status))
    }

    /// The same where the service may be gone before it answers.
    pub async fn try_create_user(&self, username: &str, password: &str) -> Result<(), Status> {
        let message = CreateUserRequest { username: username.to_owned(), password: password.to_owned() };
        self.0.clone().create_user(message).await.map(|_| ())
    }

    /// A token, where the service may be gone before it answers.
    pub async fn try_issue(&self, credentials: Credentials<'_>) -> Result<String, Status> {
        let request = credentials.attach(IssueTokenRequest::default());
        self.0.clone().issue_token(request).await.map(|answer| answer.into_inner().token)
    }

    pub async fn get_user(&self, credentials: Credentials<'_>, user_id: &str) -> Result<User, Refused> {
        let message = GetUserRequest { user_id: user_id.to_owned() };
        let answer = self.0.clone().get_user(credentials.attach(message)).await;
        answer.map(|answer| answer.into_inner().user.unwrap()).map_err(|status| refused(&status))
    }

    pub async fn issue(
        &self,
        credentials: Credentials<'_>,
        message: IssueTokenRequest,
    ) -> Result<IssueTokenResponse, Refused> {
        let answer = self.0.clone().issue_token(credentials.attach(message)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| refused(&status))
    }

    /// The token for a name and a password.
    pub async fn sign_in(&self, username: &str, password: &str) -> String {
        self.issue(Credentials::Basic(username, password), IssueTokenRequest::default()).await.unwrap().token
    }

    pub async fn greet(&self, credentials: Credentials<'_>) -> Result<GreetResponse, Refused> {
        self.greet_raw(credentials).await.map_err(|status| refused(&status))
    }

    pub async fn greet_raw(&self, credentials: Credentials<'_>) -> Result<GreetResponse, Status> {
        self.0.clone().greet(credentials.attach(GreetRequest {})).await.map(tonic::Response::into_inner)
    }

    pub async fn caller(&self, credentials: Credentials<'_>) -> Caller {
        self.greet(credentials).await.unwrap().caller.unwrap()
    }
}
