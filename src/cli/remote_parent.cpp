#include "cli/remote_parent.hpp"

#include <algorithm>
#include <thread>

#include "base/pem.hpp"
#include "cli/describe.hpp"
#include "x509/certificate.hpp"

namespace vouch::cli {
namespace {

using ca::Disposition;

constexpr std::string_view kHttps = "https://", kUnix = "unix:", kTemplate = "SubCA";
constexpr int kUsualPort = 8443;
constexpr std::size_t kLargestFile = std::size_t{1} << 20;
constexpr std::chrono::seconds kShortestPause{1}, kLongestPause{30};

bool is_waiting(const ca::Outcome& outcome) {
  return outcome.disposition == Disposition::pending || outcome.disposition == Disposition::issuing;
}

bool is_away(Errc code) { return code == Errc::unavailable || code == Errc::timeout; }

// What the other side advises stays; what can be done here is said after it.
Error with_further_hint(Error error, const std::string& hint) {
  const std::string first(error.hint());
  return std::move(error).with_hint(first.empty() ? hint : first + "; " + hint);
}

// For whoever could not even be asked.
Error not_reached(Error error) {
  if (!error.hint().empty()) return error;
  // A service that does not take the client certificate says so by an alert of TLS, after the handshake.
  const bool is_alert = error.message().contains("alert");
  if (is_away(error.code()) && !is_alert)
    return std::move(error).with_hint("is vouch serve running there, and may this host connect to it?");
  if (error.code() != Errc::denied && !is_alert) return error;
  return std::move(error).with_hint(
      "--parent-trust has to be the root of the service's own certificate, which has to name the host; "
      "--parent-certificate one that a CA there issued and has not revoked");
}

std::string whole_path(const std::string& file) { return fs::absolute(file).lexically_normal().string(); }

void take_file(const Arguments& arguments, std::string_view option, std::string& into) {
  if (const std::string* file = arguments.find(option)) into = whole_path(*file);
}

// Who this host is there: certificate and key belong together, which a handshake would say less clearly.
Result<net::FetchSettings> read_identity(Context& context, const Arguments& arguments,
                                         const ca::ParentRecord& record) {
  net::FetchSettings identity;
  if (record.url.starts_with(kUnix)) return identity;
  const auto chain = TRY(read_certificate_file(context, record.certificate));
  std::string pem;
  for (const Buffer& each : chain) pem += to_pem("CERTIFICATE", each);
  identity.client_certificate = to_buffer(as_bytes(pem));

  Buffer content = TRY(read_file(record.key, kLargestFile).context("reading the key for the parent"));
  std::string passphrase;
  if (const std::string* secret = arguments.find("parent-passphrase-file"))
    passphrase = TRY(context.read_secret(*secret, fmt::format("Passphrase of {}: ", record.key)));
  auto loaded = context.provider().load_private_key(content, passphrase);
  wipe(content);
  wipe(passphrase);
  if (!loaded)
    return with_further_hint(std::move(loaded.error()).context(fmt::format("reading {}", record.key)),
                             "a passphrase is given with --parent-passphrase-file");
  if (!equal((*loaded)->public_key_info(), TRY(x509::parse_certificate(chain.front())).public_key_info))
    return make_error(Errc::denied, "{} is not the key of {}", record.key, record.certificate)
        .with_hint("--parent-certificate and --parent-key belong together");
  std::string key = TRY((*loaded)->to_pem({}));
  identity.client_key = to_buffer(as_bytes(key));
  wipe(key);
  if (!record.trust.empty())
    identity.trusted_roots =
        TRY(read_file(record.trust, kLargestFile).context("reading the roots that the parent is checked by"));
  return identity;
}

Status check_may_have_cas(const std::vector<Buffer>& chain, const ca::ParentRecord& record) {
  const auto parent = TRY(x509::parse_certificate(chain.front()));
  const auto* extension = parent.find(x509::oid::kBasicConstraints);
  if (!extension) return ok();
  const auto length = TRY(x509::parse_basic_constraints(extension->value)).path_length;
  if (!length || *length > 0) return ok();
  return make_error(Errc::denied, "CA '{}' at {} may have no CA below it (its path length is 0)", record.ca,
                    record.url)
      .with_hint("ask a CA higher up");
}

// A host name or address, and a port.
bool is_host(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-.:[]").contains(c);
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

bool has_port(std::string_view host) {
  const auto colon = host.rfind(':');
  return colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos;
}

Error refusal_of(const ca::Outcome& outcome, const ca::ParentRecord& record) {
  Error error = make_error(Errc::denied, "the parent refused: request {} at {} is {}{}{}", outcome.request,
                           record.url, store::to_string(outcome.disposition),
                           outcome.message.empty() ? "" : ": ", printable(outcome.message));
  return outcome.mend.empty() ? error : std::move(error).with_hint(printable(outcome.mend));
}

std::string ask_again(const store::AuthorityRecord& record, bool refused) {
  return fmt::format("vouch --ca {} ca install --from-parent{}", shell_word(record.name),
                     refused ? " --again" : "");
}

}  // namespace

Result<ParentPlace> parse_parent_place(std::string_view text) {
  if (text.starts_with(kUnix)) {
    const std::string_view path = text.substr(kUnix.size());
    if (!path.starts_with('/'))
      return usage_error("--parent: '{}' needs the whole path of the socket", text)
          .with_hint("unix:/var/lib/vouch/run/vouch.sock");
    return ParentPlace{"http://localhost", std::string(path)};
  }
  std::string_view host = text;
  const bool has_scheme = host.contains("://");
  if (host.starts_with(kHttps)) host.remove_prefix(kHttps.size());
  if (host.ends_with('/')) host.remove_suffix(1);
  if ((has_scheme && !text.starts_with(kHttps)) || !is_host(host))
    return usage_error("--parent: '{}' is not where a CA is asked", text)
        .with_hint("https://ca.example.test:8443, or unix:/var/lib/vouch/run/vouch.sock");
  return ParentPlace{has_scheme || has_port(host) ? fmt::format("{}{}", kHttps, host)
                                                  : fmt::format("{}{}:{}", kHttps, host, kUsualPort),
                     {}};
}

bool is_remote_parent(const Arguments& arguments) {
  const std::string* parent = arguments.find("parent");
  if (!parent) return false;
  if (parent->contains("://") || parent->starts_with(kUnix)) return true;
  return arguments.has("parent-certificate");
}

Status check_parent_options(const Arguments& arguments) {
  for (const std::string_view option : {"path-length", "parent-ca", "parent-passphrase-file",
                                        "parent-certificate", "parent-key", "parent-trust", "parent-wait"})
    if (arguments.has(option) && !arguments.has("parent"))
      return usage_error("--{} goes with --parent", option);
  if (!arguments.has("parent")) return ok();
  if (!is_remote_parent(arguments)) {
    for (const std::string_view option : {"parent-key", "parent-trust", "parent-wait"})
      if (arguments.has(option))
        return usage_error("--{} goes with a parent that is a service", option)
            .with_hint("--parent https://ca.example.test:8443 --parent-certificate FILE --parent-key FILE");
    return ok();
  }
  const ParentPlace place = TRY(parse_parent_place(*arguments.find("parent")));
  for (const std::string_view option : {"parent-certificate", "parent-key"}) {
    if (place.unix_socket.empty() && !arguments.has(option))
      return usage_error("a parent at {} asks who comes: --{} is missing", place.url, option)
          .with_hint("the parent knows this host by a client certificate that a CA of its home issued");
    if (!place.unix_socket.empty() && arguments.has(option))
      return usage_error("--{} goes with https: over a Unix socket the login name says who asks", option);
  }
  (void)TRY(arguments.span("parent-wait"));
  return ok();
}

Result<std::unique_ptr<RemoteParent>> RemoteParent::open(Context& context, const Arguments& arguments,
                                                         ca::ParentRecord record) {
  const ParentPlace place = TRY(parse_parent_place(record.url));
  net::FetchSettings identity = TRY(read_identity(context, arguments, record));
  return std::unique_ptr<RemoteParent>(new RemoteParent(std::move(record), place, std::move(identity)));
}

Result<std::unique_ptr<RemoteParent>> RemoteParent::reach(Context& context, const Arguments& arguments) {
  ca::ParentRecord record;
  const ParentPlace place = TRY(parse_parent_place(*arguments.find("parent")));
  record.url = place.unix_socket.empty() ? place.url : *arguments.find("parent");
  record.ca = arguments.text("parent-ca");
  take_file(arguments, "parent-certificate", record.certificate);
  take_file(arguments, "parent-key", record.key);
  take_file(arguments, "parent-trust", record.trust);
  const Progress progress(context, fmt::format("asking the parent at {}", record.url));
  if (record.ca.empty()) {
    // The API takes a request without a CA's name, too; but what is recorded has to stay right when there
    // comes a second.
    const auto asked = TRY(open(context, arguments, record));
    const auto names = asked->authority_.cas();
    if (!names) return not_reached(names.error());
    if (names->size() != 1)
      return usage_error("{} CAs live at {}: choose one with --parent-ca NAME", names->size(), record.url)
          .with_hint(fmt::format("there is: {}", printable(fmt::format("{}", fmt::join(*names, ", ")))));
    record.ca = names->front();
  }
  auto parent = TRY(open(context, arguments, std::move(record)));
  TRY(parent->look(arguments));
  return parent;
}

Result<std::unique_ptr<RemoteParent>> RemoteParent::reach_again(Context& context, const Arguments& arguments,
                                                                ca::ParentRecord record) {
  take_file(arguments, "parent-certificate", record.certificate);
  take_file(arguments, "parent-key", record.key);
  take_file(arguments, "parent-trust", record.trust);
  if (arguments.has("again")) {
    record.request = 0;
    ++record.attempt;
  }
  auto parent = TRY(open(context, arguments, std::move(record)));
  if (parent->record_.request == 0) TRY(parent->look(arguments));
  return parent;
}

Status RemoteParent::look(const Arguments& arguments) {
  const auto caller = authority_.caller();
  if (!caller) return not_reached(caller.error());
  auto chain = authority_.chain();
  if (!chain) {
    if (chain.error().code() != Errc::not_found) return not_reached(std::move(chain.error()));
    return with_further_hint(std::move(chain.error()), "--parent-ca names a CA that the service has open");
  }
  TRY(check_may_have_cas(*chain, record_));
  signs_at_once_ = caller->holds(ca::Role::administrator, record_.ca);
  if (signs_at_once_) return ok();
  if (!caller->holds(ca::Role::enroller, record_.ca, kTemplate))
    return make_error(Errc::denied, "'{}' may neither sign CAs nor hand in requests at CA '{}' of {}",
                      printable(caller->account), record_.ca, record_.url)
        .with_hint(fmt::format("an administrator there: vouch role grant enroller {} --template {}",
                               shell_word(printable(caller->account)), kTemplate));
  return check_queue(arguments);
}

// What would be refused in the queue, or never looked at.
Status RemoteParent::check_queue(const Arguments& arguments) const {
  for (const std::string_view option : {"path-length", "validity"})
    if (arguments.has(option))
      return usage_error(
                 "--{} is for administrators of the parent: here somebody there has to approve, by "
                 "the template {}",
                 option, kTemplate)
          .with_hint("leave it out; a PathLength in CAPolicy.inf goes into the request");
  const auto published = authority_.templates();
  if (!published) {
    // Who is no reader there is told when the request comes.
    return published.error().code() == Errc::denied ? ok() : not_reached(published.error());
  }
  if (std::ranges::find(*published, kTemplate) != published->end()) return ok();
  return make_error(Errc::denied, "CA '{}' at {} takes no requests for template {}", record_.ca, record_.url,
                    kTemplate)
      .with_hint(fmt::format("an administrator there: vouch --ca {} template publish {}",
                             shell_word(record_.ca), kTemplate));
}

Result<ca::Outcome> RemoteParent::hand_in(Context& context, const Arguments& arguments, Bytes request) {
  const std::string transaction = ca::transaction_of(context.provider(), record_, request);
  if (signs_at_once_)
    return authority_.sign_subordinate({.request = to_buffer(request),
                                        .path_length = TRY(arguments.number("path-length")),
                                        .validity = arguments.text("validity"),
                                        .transaction = transaction,
                                        .for_whom = context.user()});
  return authority_.submit(ca::Submission{.request = to_buffer(request),
                                          .template_name = std::string(kTemplate),
                                          .requester = context.user(),
                                          .transaction = transaction,
                                          .attributes = {}});
}

// Asks less and less often. While the parent is away, it is asked on: the request waits there.
Result<ca::Outcome> RemoteParent::wait(Context& context, const Arguments& arguments, ca::Outcome outcome) {
  const auto span = TRY(arguments.span("parent-wait"));
  if (!span || !is_waiting(outcome)) return outcome;
  const Time end = add(context.clock().now(), *span);
  context.note("request {} waits for approval at {}; asking until {}", outcome.request, record_.url,
               format_time(end));
  bool was_away = false;
  for (auto pause = kShortestPause; is_waiting(outcome) && context.clock().now() < end;
       pause = std::min(pause * 2, kLongestPause)) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(end - context.clock().now());
    std::this_thread::sleep_for(std::min(pause, std::max(left, std::chrono::seconds(1))));
    auto now = authority_.retrieve(outcome.request);
    if (!now && !is_away(now.error().code())) return now;
    if (!now && !was_away) context.note("the parent is away: {}", printable(now.error().message()));
    if (now && was_away) context.note("the parent is back");
    was_away = !now;
    if (now) outcome = std::move(*now);
  }
  return outcome;
}

Result<std::optional<ca::InstallResult>> RemoteParent::join(Context& context, const Workspace& workspace,
                                                            const Arguments& arguments,
                                                            const store::AuthorityRecord& record,
                                                            Bytes request) {
  const Progress progress(context, fmt::format("asking the parent at {}", record_.url));
  const bool known = record_.request != 0;
  auto asked = known ? authority_.retrieve(record_.request) : hand_in(context, arguments, request);
  if (!asked) return not_reached(std::move(asked.error()));
  ca::Outcome outcome = std::move(*asked);
  record_.request = outcome.request;
  if (!known) TRY(ca::remember_parent(workspace.environment(), record.name, record_, context.user()));
  outcome = TRY(wait(context, arguments, std::move(outcome)));
  if (is_waiting(outcome)) return std::nullopt;
  if (outcome.disposition != Disposition::issued) return refusal_of(outcome, record_);
  for (const std::string& note : outcome.notes) context.note("note: {}", printable(note));
  const auto chain = TRY(authority_.chain());
  std::vector<Buffer> trust;
  for (const std::string& file : arguments.all("trust"))
    for (Buffer& der : TRY(read_certificate_file(context, file))) trust.push_back(std::move(der));
  if (trust.empty()) trust.push_back(chain.back());
  return std::optional(TRY(
      ca::install(workspace.environment(), record.name, outcome.certificate, chain, trust, context.user())));
}

Result<store::AuthorityRecord> waiting_authority(const Context& context, const store::Snapshot& snapshot) {
  if (context.named_authority()) return context.choose_authority(snapshot);
  std::vector<store::AuthorityRecord> waiting;
  for (auto& record : TRY(snapshot.authorities()))
    if (TRY(snapshot.key_generations(record.id)).back().certificate.empty())
      waiting.push_back(std::move(record));
  if (waiting.size() == 1) return std::move(waiting.front());
  return context.choose_authority(snapshot);
}

Result<Exit> finish_at_parent(Context& context, const Workspace& workspace, RemoteParent& parent,
                              const Arguments& arguments, Bytes request, Report what) {
  auto joined = parent.join(context, workspace, arguments, what.record, request);
  if (!joined) {
    const bool refused = joined.error().code() == Errc::denied && parent.record().request != 0;
    return with_further_hint(
        Error(joined.error()).context(fmt::format("having CA '{}' signed by its parent", what.record.name)),
        fmt::format("its request is kept; ask again with: {}", ask_again(what.record, refused)));
  }
  if (!*joined) {
    what.headline = fmt::format("CA {} waits for its parent: request {} is pending at {}",
                                shell_word(what.record.name), parent.record().request, parent.record().url);
    what.pending = {fmt::format("an administrator there: vouch --ca {} request approve {}",
                                shell_word(parent.record().ca), parent.record().request),
                    fmt::format("then here: {}", ask_again(what.record, false))};
    return report(context, workspace, what);
  }
  what.root_fingerprint = std::move((*joined)->root_fingerprint);
  return publish_and_report(context, workspace, std::move(what));
}

Result<Exit> install_from_parent(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(waiting_authority(context, *TRY(workspace.snapshot())));
  const auto generation = TRY(TRY(workspace.snapshot())->key_generations(record.id)).back();
  if (!generation.certificate.empty())
    return make_error(Errc::conflict, "CA '{}' does not wait for a certificate", record.name)
        .with_hint("ask for a new one with: vouch ca renew --parent URL");
  auto recorded = TRY(ca::parent_of(record));
  if (!recorded)
    return make_error(Errc::not_found, "CA '{}' has asked no parent over its API", record.name)
        .with_hint("install the parent's answer from a file: vouch ca install FILE");
  const auto parent = TRY(RemoteParent::reach_again(context, arguments, std::move(*recorded)));
  Report what{.headline = fmt::format("CA {} has its certificate", shell_word(record.name)),
              .record = record};
  return finish_at_parent(context, workspace, *parent, arguments, generation.request, std::move(what));
}

}  // namespace vouch::cli
