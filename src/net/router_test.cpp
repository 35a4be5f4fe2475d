#include "net/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vouch::net {
namespace {

Route route(std::string path, std::vector<Method> methods, Route::Match match = Route::Match::exact,
            bool any_case = false) {
  return {.path = std::move(path),
          .methods = std::move(methods),
          .handler = Blocking([](const Request&) { return Response(); }),
          .match = match,
          .any_case = any_case,
          .name = {}};
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    EXPECT_TRUE(router.add(route("/a", {Method::get})));
    EXPECT_TRUE(router.add(route("/a", {Method::post})));
    EXPECT_TRUE(router.add(route("/ocsp", {Method::get, Method::post}, Route::Match::prefix)));
    EXPECT_TRUE(router.add(route("/ocsp/ca", {Method::get}, Route::Match::prefix)));
    EXPECT_TRUE(router.add(route("/CertSrv/mscep/", {Method::get}, Route::Match::prefix, true)));
  }
  std::string find(Method method, std::string_view path) const {
    const auto found = router.find(method, path);
    return found.route != nullptr ? found.route->path : found.known_path ? "405 " + found.allow : "404";
  }
  Router router;
};

TEST_F(RouterTest, ExactAndPrefix) {
  EXPECT_EQ(find(Method::get, "/a"), "/a");
  EXPECT_EQ(find(Method::get, "/a/"), "404");
  EXPECT_EQ(find(Method::get, "/A"), "404");
  EXPECT_EQ(find(Method::get, "/ocsp/MEow//x"), "/ocsp");
  EXPECT_EQ(find(Method::get, "/ocsp/ca/MEow"), "/ocsp/ca");
  EXPECT_EQ(find(Method::get, "*"), "404");
}

TEST_F(RouterTest, HeadComesWithGet) {
  EXPECT_EQ(find(Method::head, "/a"), "/a");
  EXPECT_EQ(find(Method::put, "/a"), "405 GET, HEAD, POST");
  EXPECT_EQ(find(Method::other, "/ocsp"), "405 GET, HEAD, POST");
}

TEST_F(RouterTest, CaseCanBeLetPass) {
  EXPECT_EQ(find(Method::get, "/certsrv/MSCEP/mscep.dll"), "/CertSrv/mscep/");
}

TEST_F(RouterTest, OctetsThatNeedNoEncoding) {
  EXPECT_EQ(find(Method::get, "/%61"), "/a");
  EXPECT_EQ(find(Method::get, "/%6Fcsp/x"), "/ocsp");
  EXPECT_EQ(find(Method::get, "%2Fa"), "404");
  EXPECT_EQ(find(Method::get, "/x/../a"), "404");
}

TEST_F(RouterTest, TwoRoutesForOneMethodAreAConflict) {
  EXPECT_EQ(router.add(route("/a", {Method::get})).error().code(), Errc::conflict);
  EXPECT_EQ(router.add(route("/a", {Method::head})).error().code(), Errc::conflict);
}

}  // namespace
}  // namespace vouch::net
