// Anything as a request of the local administrator to a running service: the administration API, and command
// lines that go through the service. The first line is method and target, the rest the body. Properties: what
// went well has the shape that the description gives for its operation; what went wrong is a problem with a
// sentence; nothing is a defect of ours (500), whatever was asked before.
#include <stdlib.h>

#include <algorithm>
#include <future>
#include <sstream>

#include "api/administration.hpp"
#include "ca/settings/templates.hpp"
#include "ca/setup/setup.hpp"
#include "cli/through_service.hpp"
#include "crypto/openssl/openssl.hpp"
#include "net/worker_pool.hpp"
#include "store/memory/memory.hpp"

namespace {

using namespace vouch;

constexpr Time kNow{std::chrono::seconds{1'795'000'000}};
constexpr std::string_view kCommandPath = "/api/v1/command";
constexpr int kInputsOfOneHome = 1'000;  // roles and templates may be gone after some

void require(bool holds) {
  if (!holds) std::abort();
}

class TemporaryFolder {
 public:
  TemporaryFolder() { require(::mkdtemp(path_.data()) != nullptr); }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  fs::path home() const { return fs::path(path_) / "home"; }

 private:
  std::string path_ = (fs::temp_directory_path() / "vouch-fuzz.XXXXXX").string();
};

// A home with one CA, in which everybody may do everything.
class Bench {
 public:
  Bench() {
    ca::InitOptions options;
    options.name = "Fuzz";
    options.kind = store::AuthorityKind::root;
    options.administrator = "admin";
    options.automatic_issuance = true;
    const ca::Environment& environment = workspace_->environment();
    require(ca::init(environment, options).has_value());
    require(environment.database
                .commit([](store::Transaction& t) -> Status {
                  for (const char* role : {"administrator", "manager", "auditor", "enroller", "reader"})
                    TRY(t.insert_role_change({0, "*", role, 0, "", "", true, kNow, "fuzz"}));
                  return ok();
                })
                .has_value());
    authorities_.push_back(ca::LocalAuthority::open(environment, options.name).value());
    for (const char* name : {"WebServer", "ClientAuth"})
      require(
          ca::publish_template(environment, authorities_.front()->record().id, name, "admin").has_value());
    for (net::Route& route : api::administration_routes(service_))
      require(router_.add(std::move(route)).has_value());
    require(router_.add(cli::command_route(surroundings_, *workspace_, service_)).has_value());
  }

  const net::Router& router() const { return router_; }
  net::WorkerPool& pool() { return pool_; }

 private:
  TemporaryFolder folder_;
  ManualClock clock_{kNow};
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  std::ostringstream out_, err_;
  cli::Surroundings surroundings_{
      .out = out_,
      .err = err_,
      .clock = clock_,
      .make_provider = [this] { return provider_; },
      .open_database = [](const fs::path&, bool) -> Result<std::unique_ptr<store::Database>> {
        return store::memory::open();
      },
      .variable = [](const std::string&) { return std::optional<std::string>(); },
      .user = [] { return std::string("admin"); }};
  std::unique_ptr<cli::Workspace> workspace_ =
      cli::Workspace::open(surroundings_, *provider_, folder_.home(), true,
                           [](std::string_view) -> Result<std::string> {
                             return make_error(Errc::denied, "no passphrase here");
                           })
          .value();
  net::Metrics metrics_;
  api::Authorities authorities_;
  const api::Service service_{
      .environment = workspace_->environment(),
      .authorities = [this] { return authorities_; },
      .metrics = metrics_,
      .status = [] { return Result<Value>(make_error(Errc::unavailable, "no report yet")); }};
  net::Router router_;
  net::WorkerPool pool_{1, 16};
};

net::Response ask(Bench& bench, const net::Route& route, const net::Request& request) {
  if (const auto* now = std::get_if<net::AnswerNow>(&route.handler)) {
    const net::Prepared prepared = (*now)(request);
    net::Response response;
    response.status = prepared->status;
    response.body = prepared->body;
    return response;
  }
  if (const auto* blocking = std::get_if<net::Blocking>(&route.handler)) return (*blocking)(request);
  std::promise<net::Response> answer;
  require(std::get<std::shared_ptr<net::Together>>(route.handler)
              ->try_post(bench.pool(),
                         {&request, [&](net::Response response) { answer.set_value(std::move(response)); }}));
  return answer.get_future().get();
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t slash = 0; slash < path.size();) {
    const std::size_t next = std::min(path.find('/', slash + 1), path.size());
    segments.push_back(path.substr(slash + 1, next - slash - 1));
    slash = next;
  }
  return segments;
}

// What the description says that this request is answered with; null: it is no operation's.
const api::Schema* promised(net::Method method, std::string_view path) {
  if (!path.starts_with(api::kApiRoot)) return nullptr;
  const auto got = segments_of(path.substr(api::kApiRoot.size()));
  for (const api::Operation& operation : api::operations())
    if (operation.method == method &&
        std::ranges::equal(segments_of(operation.path), got, [](std::string_view want, std::string_view is) {
          return want == is || want.starts_with('{');
        }))
      return api::find_schema(operation.answer);
  return nullptr;
}

void check_answer(const net::Request& request, const net::Response& response) {
  require(response.status != 500);
  const auto body = parse_json(response.body.view());
  require(body.has_value());
  const bool good = response.status == 200 || response.status == 202 || response.status == 422;
  if (good && request.path != kCommandPath) {
    if (const api::Schema* schema = promised(request.method, request.path);
        schema != nullptr && response.content_type == "application/json")
      require(api::check_shape(*body, *schema, "the answer").has_value());
  } else if (good) {
    require(body->find("exit") != nullptr && body->find("out") != nullptr);
  } else {
    require(api::check_shape(*body, *api::find_schema("Problem"), "the problem").has_value());
    require(!text_member(*body, "detail").empty());
  }
}

}  // namespace

// libcrypto keeps what its threads made for themselves; a few kilobytes stay when a home is replaced by the
// next. What this program itself loses is still found.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcrypto.so"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<Bench> bench;
  static int inputs = 0;
  const std::string_view input = as_text(Bytes(data, size));
  const std::size_t blank = input.find(' '), line = std::min(input.find('\n'), input.size());
  if (blank >= line) return 0;
  // A location can be any file and any web server, and publication would write there.
  if (input.find("location") != std::string_view::npos) return 0;
  if (!bench || ++inputs % kInputsOfOneHome == 0) bench = std::make_unique<Bench>();

  net::Peer peer;
  peer.user = net::LocalUser{0, 0, 1};
  net::Request request;
  request.peer = &peer;
  request.method_text = input.substr(0, blank);
  request.method = net::parse_method(request.method_text);
  request.target = input.substr(blank + 1, line - blank - 1);
  const std::size_t mark = std::min(request.target.find('?'), request.target.size());
  request.path = request.target.substr(0, mark);
  request.query = request.target.substr(std::min(mark + 1, request.target.size()));
  request.body = input.substr(std::min(line + 1, input.size()));
  request.fields = {{"Content-Type", "application/json"}};
  const net::Route* route = bench->router().find(request.method, request.path).route;
  if (route == nullptr || request.body.size() > route->body_limit) return 0;
  check_answer(request, ask(*bench, *route, request));
  return 0;
}
