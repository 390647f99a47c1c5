//! A session with one vCenter over SOAP: opened once, renewed where it ran out, closed in the end.

use std::sync::Mutex;

use http::header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use http::{Method, Request, StatusCode, Uri};

use super::access::{Access, Limits, Login};
use super::body::Body;
use super::error::VcenterError;
use super::fault::{Fault, INVALID_LOGIN, NOT_AUTHENTICATED};
use super::http::{Asked, Http};
use super::xml::{Element, VIM, escape};

/// Served by vCenter 6.7 and every later one.
const ACTION: &str = "urn:vim25/6.7";

/// A reference to a managed object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Reference {
    /// Its type, e.g. `VirtualMachine`.
    pub(super) kind: String,
    pub(super) id: String,
}

impl Reference {
    pub(super) fn new(kind: &str, id: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
        }
    }

    /// What an element refers to.
    pub(super) fn of(element: &Element) -> Option<Self> {
        let kind = element.reference_type.as_deref()?;
        Some(Self::new(kind, element.text.trim()))
    }

    /// It as an argument of a call.
    pub(super) fn argument(&self, name: &str) -> String {
        let (kind, id) = (escape(&self.kind), escape(&self.id));
        format!("<{name} type=\"{kind}\">{id}</{name}>")
    }
}

/// The objects that everything begins with.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) property_collector: Reference,
    pub(super) view_manager: Reference,
    pub(super) search_index: Reference,
    pub(super) ovf_manager: Reference,
    session_manager: Reference,
}

/// An open session.
pub(super) struct Session {
    pub(super) http: Http,
    /// Host name, with port where it has one.
    pub(super) server: String,
    pub(super) limits: Limits,
    pub(super) login: Login,
    pub(super) content: Content,
    endpoint: Uri,
    cookie: Mutex<Option<HeaderValue>>,
}

impl Session {
    /// BI-312: opens a session.
    pub(super) async fn open(server: &str, access: &Access) -> Result<Self, VcenterError> {
        let address = || VcenterError::Address(server.to_owned());
        let endpoint: Uri = format!("https://{server}/sdk")
            .parse()
            .map_err(|_| address())?;
        if endpoint.host().is_none_or(str::is_empty) || server.contains(['@', '/']) {
            return Err(address());
        }
        let login = access.login(server).cloned();
        let login = login.ok_or_else(|| VcenterError::NoCredentials(server.to_owned()))?;
        let http = Http::new(&access.trust).map_err(|cause| VcenterError::Unreachable {
            server: server.to_owned(),
            call: "TLS".to_owned(),
            cause,
        })?;
        let unknown = Reference::new("ServiceInstance", "ServiceInstance");
        let mut session = Self {
            http,
            server: server.to_owned(),
            limits: access.limits,
            login,
            content: Content {
                property_collector: unknown.clone(),
                view_manager: unknown.clone(),
                search_index: unknown.clone(),
                ovf_manager: unknown.clone(),
                session_manager: unknown.clone(),
            },
            endpoint,
            cookie: Mutex::default(),
        };
        let answer = session.send(&unknown, "RetrieveServiceContent", "").await?;
        session.content = session.content(&answer)?;
        session.log_in().await?;
        Ok(session)
    }

    fn content(&self, answer: &Element) -> Result<Content, VcenterError> {
        let member = |name: &str| {
            let member = answer.at(&["returnval", name]).and_then(Reference::of);
            member.ok_or_else(|| {
                let cause = format!("it lacks {name}; is it a vCenter?");
                self.asked("RetrieveServiceContent").unusable(&cause)
            })
        };
        Ok(Content {
            property_collector: member("propertyCollector")?,
            view_manager: member("viewManager")?,
            search_index: member("searchIndex")?,
            ovf_manager: member("ovfManager")?,
            session_manager: member("sessionManager")?,
        })
    }

    async fn log_in(&self) -> Result<(), VcenterError> {
        // Who is known already is refused.
        if let Ok(mut cookie) = self.cookie.lock() {
            *cookie = None;
        }
        let Login { user, password } = &self.login;
        let (name, password) = (escape(user), escape(password));
        let arguments = format!("<userName>{name}</userName><password>{password}</password>");
        let manager = &self.content.session_manager;
        match self.send(manager, "Login", &arguments).await {
            Err(VcenterError::Refused { fault, .. }) if fault.kind == INVALID_LOGIN => {
                Err(VcenterError::Login {
                    server: self.server.clone(),
                    user: user.clone(),
                    fault,
                })
            }
            answer => answer.map(drop),
        }
    }

    /// W-25: ends the session. What goes wrong with that changes nothing any more.
    pub(super) async fn close(self) {
        let manager = &self.content.session_manager;
        self.send(manager, "Logout", "").await.ok();
    }

    /// What time it is for the vCenter, in RFC 3339.
    pub(super) async fn now(&self) -> Result<String, VcenterError> {
        let service = Reference::new("ServiceInstance", "ServiceInstance");
        let answer = self.read(&service, "CurrentTime", "").await?;
        let now = answer.text_of("returnval").map(str::to_owned);
        now.ok_or_else(|| self.asked("CurrentTime").unusable("it has no time"))
    }

    /// Calls a method of an object. A session that ran out is opened again, once.
    pub(super) async fn call(
        &self,
        object: &Reference,
        method: &str,
        arguments: &str,
    ) -> Result<Element, VcenterError> {
        match self.send(object, method, arguments).await {
            Err(error) if error.fault() == Some(NOT_AUTHENTICATED) => {
                self.log_in().await?;
                self.send(object, method, arguments).await
            }
            answer => answer,
        }
    }

    /// A call that only reads: made again where the connection was cut or there was no answer.
    pub(super) async fn read(
        &self,
        object: &Reference,
        method: &str,
        arguments: &str,
    ) -> Result<Element, VcenterError> {
        match self.call(object, method, arguments).await {
            Err(VcenterError::Unreachable { .. } | VcenterError::Status { .. }) => {
                tokio::time::sleep(self.limits.look).await;
                self.call(object, method, arguments).await
            }
            answer => answer,
        }
    }

    async fn send(
        &self,
        object: &Reference,
        method: &str,
        arguments: &str,
    ) -> Result<Element, VcenterError> {
        let asked = self.asked(method);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.clone())
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .header("SOAPAction", ACTION)
            .body(Body::from(envelope(object, method, arguments)))
            .map_err(|error| asked.unusable(&error.to_string()))?;
        let cookie = self.cookie.lock().ok().and_then(|cookie| cookie.clone());
        if let Some(cookie) = cookie {
            request.headers_mut().insert(COOKIE, cookie);
        }
        let answer = self.http.send(asked, request, self.limits.answer).await?;
        if let Some(cookie) = answer.headers.get(SET_COOKIE).and_then(session_cookie)
            && let Ok(mut kept) = self.cookie.lock()
        {
            *kept = Some(cookie);
        }
        let is_soap = [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR].contains(&answer.status);
        if !is_soap {
            return Err(asked.status(answer.status));
        }
        let envelope = Element::parse(&answer.text).map_err(|cause| asked.unusable(&cause))?;
        let body = envelope
            .child("Body")
            .and_then(|body| body.children.first());
        match body {
            Some(fault) if fault.name == "Fault" => {
                Err(self.refused(method, Fault::of_body(fault)))
            }
            Some(answer) => Ok(answer.clone()),
            None => Err(asked.unusable("it is no SOAP")),
        }
    }

    pub(super) fn asked<'a>(&'a self, call: &'a str) -> Asked<'a> {
        Asked {
            server: &self.server,
            call,
        }
    }

    /// A fault without what must not be told.
    pub(super) fn shown(&self, fault: Fault) -> Fault {
        fault.shown(&self.login.password)
    }

    pub(super) fn refused(&self, call: &str, fault: Fault) -> VcenterError {
        VcenterError::Refused {
            server: self.server.clone(),
            call: call.to_owned(),
            fault: self.shown(fault),
        }
    }
}

fn envelope(object: &Reference, method: &str, arguments: &str) -> String {
    let this = object.argument("_this");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <Body><{method} xmlns=\"{VIM}\">{this}{arguments}</{method}></Body></Envelope>"
    )
}

/// Name and value of a cookie, without what it is for.
fn session_cookie(header: &HeaderValue) -> Option<HeaderValue> {
    let text = header.to_str().ok()?;
    let pair = text.split(';').next()?.trim();
    let mut value = HeaderValue::from_str(pair).ok()?;
    value.set_sensitive(true);
    Some(value)
}
