#include "cli/ca_parent.hpp"

namespace vouch::cli {
namespace {

Result<LocalParent> open_parent(Context& context, const Arguments& arguments) {
  const std::string& name = *arguments.find("parent");
  const std::string* secret = arguments.find("parent-passphrase-file");
  std::error_code unknown;
  const bool is_home = name.contains('/') || fs::is_directory(name, unknown);
  LocalParent parent;
  const Workspace* workspace = nullptr;
  if (is_home || secret) {
    PassphraseSource source;
    if (secret) source = context.passphrase_source(*secret);
    parent.other =
        TRY(context.other_workspace(is_home ? fs::path(name) : context.home_folder(), std::move(source)));
    workspace = parent.other.get();
  } else {
    workspace = TRY(context.workspace());
  }
  std::string ca = is_home ? arguments.text("parent-ca") : name;
  if (ca.empty()) {
    const auto all = TRY(TRY(workspace->snapshot())->authorities());
    if (all.size() != 1)
      return usage_error("{} CAs live in {}: choose one with --parent-ca NAME", all.size(), name);
    ca = all.front().name;
  }
  parent.authority = TRY(context.open_authority(*workspace, ca).context("opening the parent CA '{}'", ca));
  return parent;
}

// The parent signs, and its answer is installed.
Status join_parent(Context& context, const Workspace& workspace, LocalParent& parent,
                   const Arguments& arguments, const store::AuthorityRecord& record, Bytes request) {
  ca::LocalAuthority::SubordinateOptions options;
  options.path_length = TRY(arguments.number("path-length"));
  options.validity = TRY(arguments.span("validity"));
  const auto outcome = TRY(parent.authority->sign_subordinate(request, options, context.user()));
  if (outcome.disposition != ca::Disposition::issued)
    return make_error(Errc::denied, "the parent refused: {}", outcome.message).with_hint(outcome.mend);
  for (const std::string& note : outcome.notes) context.note("note: {}", printable(note));
  auto chain = TRY(parent.authority->chain());
  const std::vector<Buffer> trust{chain.back()};
  (void)TRY(
      ca::install(workspace.environment(), record.name, outcome.certificate, chain, trust, context.user()));
  return ok();
}

}  // namespace

Result<ChosenParent> choose_parent(Context& context, const Arguments& arguments) {
  ChosenParent parent;
  if (is_remote_parent(arguments))
    parent.elsewhere = TRY(RemoteParent::reach(context, arguments));
  else if (arguments.has("parent"))
    parent.here = TRY(open_parent(context, arguments));
  return parent;
}

Result<Exit> finish(Context& context, const Workspace& workspace, ChosenParent& parent,
                    const Arguments& arguments, const ParentsTask& task, Report what) {
  if (parent.elsewhere)
    return finish_at_parent(context, workspace, *parent.elsewhere, arguments, task.request, std::move(what));
  if (parent.here) {
    auto joined = join_parent(context, workspace, *parent.here, arguments, what.record, task.request);
    if (!joined)
      return std::move(joined.error())
          .context(fmt::format("having {} signed by its parent", task.what))
          .with_hint(fmt::format("{}; its request: vouch --ca {} ca export --request", task.meanwhile,
                                 shell_word(what.record.name)));
  }
  return publish_and_report(context, workspace, std::move(what));
}

}  // namespace vouch::cli
