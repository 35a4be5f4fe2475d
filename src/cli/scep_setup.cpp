// vouch scep setup: a profile, from nothing to a URL that devices can be given.
#include <algorithm>
#include <ostream>

#include "base/text.hpp"
#include "ca/settings/templates.hpp"
#include "cli/describe.hpp"
#include "cli/scep_host.hpp"

namespace vouch::cli {
namespace {

using daemon::scep::ChallengeKind;

constexpr std::string_view kDefaultTemplate = "ScepDevice", kCombinedTemplate = "ScepRegistrationAuthority";

std::string in_quotes(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

class Setup {
 public:
  Setup(Context& context, const Arguments& arguments) : context_(context), arguments_(arguments) {}

  Result<Exit> run() {
    host_ = TRY(ScepHost::open(context_));
    ca_ = TRY(host_->ca());
    if (host_->configuration().find_scep(name_))
      return make_error(Errc::conflict, "there is a SCEP profile '{}' already", name_)
          .with_hint(
              fmt::format("vouch scep profile show {}; change it in {}", name_, host_->file().string()));
    if (const auto chain = host_->chain(ca_); chain && !chain->empty()) {
      root_ = root_of(*chain);
      if (is_ca_mode()) TRY(check_ca_key(chain->front()));
    }
    const std::string toml = TRY(new_configuration());
    // Nothing is made for a file that would not be good.
    const daemon::Configuration checked =
        TRY(daemon::parse_configuration(toml, host_->file().string()).context("adding the profile"));
    if (!host_->is_registration()) TRY(prepare_ca());
    TRY(write_password());
    TRY(ca::write_configuration(host_->file(), toml));
    const bool certified = TRY(prepare_certificates(checked));
    return report(certified);
  }

 private:
  bool is_ca_mode() const { return arguments_.text("mode", "ra") == "ca"; }
  bool has_password() const { return challenge_ == "password"; }
  fs::path password_file() const { return fs::path("scep") / (name_ + ".password"); }

  // Its SHA-256, where the chain is complete.
  std::string root_of(std::span<const Buffer> chain) const {
    const auto last = x509::parse_certificate(chain.back());
    if (!last || !equal(last->issuer, last->subject)) return {};
    return to_hex(context_.provider().digest(crypto::DigestAlgorithm::sha256, chain.back()));
  }

  Status check_ca_key(Bytes certificate) const {
    const auto view = TRY(x509::parse_certificate(certificate));
    const auto key = TRY(x509::parse_public_key_info(view.public_key_info));
    if (key.type == x509::KeyType::rsa) return ok();
    return make_error(Errc::usage, "CA '{}' has a {} key, and clients encrypt for RSA keys alone", ca_,
                      x509::to_string(key.type))
        .with_hint("leave --mode ca out: then the service has certificates of its own");
  }

  // The file as it will be: what is there stays.
  Result<std::string> new_configuration() const {
    std::error_code unknown;
    std::string toml;
    if (fs::exists(host_->file(), unknown))
      toml = as_text(TRY(read_file(host_->file(), std::size_t{1} << 20)));
    toml = TRY(with_listener(std::move(toml)));
    if (!toml.empty() && !toml.ends_with('\n')) toml += '\n';
    if (arguments_.has("one-certificate"))
      toml += fmt::format("\n[scep_ra]\nsigning_template = {0}\nencryption_template = {0}\n",
                          in_quotes(kCombinedTemplate));
    toml += fmt::format("{}[scep.{}]\nca = {}\nmode = {}\nchallenge = {}\n", toml.empty() ? "" : "\n", name_,
                        in_quotes(ca_), in_quotes(arguments_.text("mode", "ra")), in_quotes(challenge_));
    if (has_password()) toml += fmt::format("password_file = {}\n", in_quotes(password_file().string()));
    toml += fmt::format("general_template = {}\n", in_quotes(template_));
    std::string paths;
    if (arguments_.has("ndes")) paths = in_quotes("/certsrv/mscep/mscep.dll");
    for (const std::string& path : arguments_.all("path"))
      paths += (paths.empty() ? "" : ", ") + in_quotes(path);
    if (!paths.empty()) toml += fmt::format("paths = [{}]\n", paths);
    if (const auto url = arguments_.text("url"); !url.empty())
      toml += fmt::format("external_url = {}\n", in_quotes(url));
    if (!root_.empty()) toml += fmt::format("root = {}\n", in_quotes(root_));
    if (arguments_.has("legacy")) toml += "legacy = true\n";
    return toml;
  }

  // Somewhere it has to be served.
  Result<std::string> with_listener(std::string toml) const {
    if (const auto address = arguments_.text("listen"); !address.empty()) {
      if (host_->configuration().find_listener("scep"))
        return usage_error("--listen: there is a listener 'scep' already; leave the option out");
      if (!toml.empty()) toml += toml.ends_with('\n') ? "\n" : "\n\n";
      return toml + fmt::format("[listener.scep]\naddress = {}\nserves = [\"scep\"]\n", in_quotes(address));
    }
    const auto& listeners = host_->configuration().listeners;
    const auto serves_scep = [](const auto& listener) {
      return listener.enabled && std::ranges::find(listener.serves, "scep") != listener.serves.end();
    };
    if (std::ranges::any_of(listeners, serves_scep)) return toml;
    for (const auto& listener : listeners) {
      const bool for_everybody = listener.enabled && listener.address &&
                                 listener.client_certificates == net::AskForCertificate::never;
      if (!for_everybody) continue;
      std::string serves;
      for (const std::string& part : listener.serves) serves += part + ", ";
      return daemon::with_setting(toml, host_->file().string(),
                                  fmt::format("listener.{}.serves", listener.name), serves + "scep");
    }
    return usage_error("no listener could serve SCEP: say where with --listen 0.0.0.0:8080");
  }

  // Template, rights: what is there already stays as it is.
  Status prepare_ca() const {
    const Workspace& workspace = *TRY(context_.workspace());
    const ca::Environment& environment = workspace.environment();
    const auto snapshot = TRY(workspace.snapshot());
    const auto record = TRY(snapshot->authority(ca_));
    const auto published = TRY(snapshot->published_templates(record.id));
    (void)TRY(ca::find_template(*snapshot, template_));
    if (std::ranges::find(published, template_) == published.end())
      TRY(ca::publish_template(environment, record.id, template_, context_.user()));
    ca::Grant right;
    right.principal = account();
    right.authority = record.id;
    right.template_name = template_;
    right.role = ca::Role::enroller;
    TRY(ca::grant_role(environment, right, context_.user()));
    if (challenge_ != "none") {
      right.role = ca::Role::manager;
      right.requesters = account();
      TRY(ca::grant_role(environment, right, context_.user()));
    }
    if (arguments_.has("one-certificate") && !is_ca_mode())
      TRY(add_combined_template(environment, *snapshot));
    return ok();
  }

  // One certificate that does both, as other servers have it.
  Status add_combined_template(const ca::Environment& environment, const store::Snapshot& snapshot) const {
    if (ca::find_template(snapshot, kCombinedTemplate)) return ok();
    policy::CertificateTemplate value = TRY(ca::find_template(snapshot, "CepEncryption")).value;
    value.name = kCombinedTemplate;
    value.display_name = "SCEP Registration Authority";
    value.description = "Signs SCEP answers and opens SCEP requests.";
    value.oid = {};
    value.purpose = policy::Purpose::signature_and_encryption;
    value.key_usage = x509::digital_signature | x509::key_encipherment;
    return ca::add_template(environment, std::move(value), false, context_.user());
  }

  Status write_password() {
    if (!has_password()) return ok();
    constexpr std::size_t kOctets = 18;  // 144 bits
    Buffer random(kOctets);
    context_.provider().random(random);
    // Windows takes no '+' and '/' amiss, but scripts do.
    password_ = to_base64(random);
    std::ranges::replace(password_, '+', '-');
    std::ranges::replace(password_, '/', '.');
    wipe(random);
    const fs::path file = host_->folder() / password_file();
    TRY(make_folder(file.parent_path(), 0700));
    return write_file_atomic(file, as_bytes(password_ + "\n"), 0600);
  }

  // Whether the registration authority has its certificates now.
  Result<bool> prepare_certificates(const daemon::Configuration& configuration) const {
    if (is_ca_mode()) return true;
    const auto keys = TRY(host_->ra_keys(ca_));
    if (daemon::scep::judge_ra(TRY(keys->states()), context_.clock().now())) return true;
    const Status issued = keys->maintain(configuration.scep_ra);
    if (issued) return true;
    // The CA elsewhere may have to be asked by a person first.
    if (!host_->is_registration()) return std::move(issued).error();
    context_.note("warning: {}", issued.error().summary());
    if (!issued.error().hint().empty()) context_.note("hint: {}", issued.error().hint());
    return false;
  }

  Result<Exit> report(bool certified) {
    const auto after = TRY(ScepHost::open(context_));
    const auto& profile = *TRY(after->profile(name_));
    const std::string url = after->url_of(profile);
    if (context_.json()) {
      print_json(context_, Value()
                               .set("profile", name_)
                               .set("ca", ca_)
                               .set("url", url)
                               .set("password", text_or_null(password_))
                               .set("file", after->file().string()));
    } else {
      Fields fields;
      fields.add("Profile", name_).add("CA", ca_).add("URL", url).add("Template", template_);
      fields.add("Challenge", has_password() ? password_ : challenge_);
      fields.add("In", after->file().string());
      context_.say("SCEP profile '{}' is set up", name_);
      if (!context_.json()) context_.out() << fields.text();
      tell_next(*after);
    }
    wipe(password_);
    tell_findings(*after, profile);
    return certified ? Exit::done : Exit::pending;
  }

  // What is odd, and, on a registration authority's host, what the CA's administrator has to do.
  void tell_findings(ScepHost& after, const daemon::scep::ProfileConfiguration& profile) const {
    const auto findings = after.examine(profile);
    if (!findings) {
      context_.note("warning: {}", findings.error().summary());
      context_.note("hint: vouch scep profile show {} asks again", name_);
      return;
    }
    for (const std::string& fault : findings->faults) context_.note("warning: {}", fault);
    for (const std::string& warning : findings->warnings) context_.note("warning: {}", warning);
  }

  void tell_next(const ScepHost& after) const {
    if (!after.is_registration())
      context_.note(
          "note: devices reach this CA's own host; the service may run on another: "
          "docs/mechanisms/registration-authority.md");
    context_.say("next: vouch serve{}, or, where it runs: systemctl reload vouch",
                 after.is_registration() ? " --role ra" : "");
    context_.say("then: vouch scep trust {} gives what devices have to trust", name_);
  }

  std::string account() const { return "scep:" + name_; }

  Context& context_;
  const Arguments& arguments_;
  const std::string name_ = arguments_.operand(0);
  const std::string template_ = arguments_.text("template", kDefaultTemplate);
  const std::string challenge_ = arguments_.text("challenge", "password");
  std::unique_ptr<ScepHost> host_;
  std::string ca_, password_, root_;
};

Result<Exit> setup(Context& context, const Arguments& arguments) { return Setup(context, arguments).run(); }

constexpr Option kSetupOptions[] = {
    {"template", "NAME", "that devices get certificates by; ScepDevice if left out"},
    {"mode", "ra|ca",
     "ra: certificates of the service sign and decrypt, which is the default; ca: the CA's own RSA key does"},
    {"challenge", "password|bound|one-time|single|webhook|intune|none",
     "who decides about a device; password, made here and printed, if left out; none: every request waits "
     "for a "
     "person"},
    {"ndes", "", "answer at NDES's path as well, /certsrv/mscep/mscep.dll"},
    {"path", "PATH", "answer at this path as well", Occurs::any_times},
    {"url", "URL", "the URL that devices have, where a proxy stands in front"},
    {"listen", "ADDRESS:PORT",
     "open this port for devices; otherwise the listener that serves everybody does it"},
    {"legacy", "", "accept single DES, SHA-1 and MD5, for devices that know nothing else"},
    {"one-certificate", "",
     "one certificate of the registration authority for signing and encryption, not two"},
};

constexpr Command kScepSetupCommands[] = {
    {"scep setup", "PROFILE", "set up a SCEP profile: where devices enrol",
     "Publishes the template, gives the profile's account (scep:PROFILE) its rights, issues the certificates "
     "of the "
     "registration authority, adds [scep.PROFILE] to vouch.toml, and prints the URL and the challenge "
     "password. What is "
     "there already stays. On a host without the CA (vouch serve --role ra) the first two are the CA's "
     "administrator's.",
     kSetupOptions, "vouch --ca \"Example Issuing CA\" scep setup devices --ndes", &setup},
};

}  // namespace

std::span<const Command> scep_setup_commands() { return kScepSetupCommands; }

}  // namespace vouch::cli
