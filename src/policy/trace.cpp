#include "policy/trace.hpp"

namespace vouch::policy {
namespace {

// One character per verdict at the start of a line.
constexpr std::string_view kMarks = "+~?-";

// Fields are separated by tabs and steps by line ends, so these and the backslash are escaped inside.
void append_field(std::string& out, std::string_view text) {
  for (char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out.push_back(c);
    }
  }
}

Result<std::string> read_field(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    switch (c) {
      case '\\':
        out.push_back('\\');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      default:
        return make_error(Errc::malformed, "decision trace: unknown escape");
    }
  }
  return out;
}

Result<TraceStep> read_step(std::string_view line) {
  const std::size_t mark = line.empty() ? std::string_view::npos : kMarks.find(line[0]);
  if (mark == std::string_view::npos) return make_error(Errc::malformed, "decision trace: unknown verdict");
  TraceStep step;
  step.verdict = Verdict(mark);
  line.remove_prefix(1);
  for (std::string* field : {&step.rule, &step.expected, &step.received, &step.mend}) {
    const std::size_t tab = std::min(line.find('\t'), line.size());
    *field = TRY(read_field(line.substr(0, tab)));
    line.remove_prefix(std::min(tab + 1, line.size()));
  }
  if (!line.empty()) return make_error(Errc::malformed, "decision trace: too many fields in a step");
  return step;
}

// Text from requests may carry line ends and escape sequences; on a terminal they become question marks.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::changed:
      return "changed";
    case Verdict::pended:
      return "pended";
    case Verdict::denied:
      return "denied";
  }
  return "unknown";
}

std::string format_trace(const Trace& trace) {
  std::string out;
  out.reserve(trace.size() * 24);
  for (const TraceStep& step : trace) {
    out.push_back(kMarks[static_cast<std::size_t>(step.verdict)]);
    append_field(out, step.rule);
    if (!step.expected.empty() || !step.received.empty() || !step.mend.empty()) {
      for (const std::string* field : {&step.expected, &step.received, &step.mend}) {
        out.push_back('\t');
        append_field(out, *field);
      }
    }
    out.push_back('\n');
  }
  return out;
}

Result<Trace> parse_trace(std::string_view text) {
  Trace trace;
  while (!text.empty()) {
    const std::size_t eol = text.find('\n');
    if (eol == std::string_view::npos)
      return make_error(Errc::malformed, "decision trace: the last line has no end");
    trace.push_back(TRY(read_step(text.substr(0, eol))));
    text.remove_prefix(eol + 1);
  }
  return trace;
}

Value describe_trace(const Trace& trace) {
  Value list = Value::list();
  for (const TraceStep& step : trace) {
    list.push(Value::table()
                  .set("rule", step.rule)
                  .set("verdict", to_string(step.verdict))
                  .set("expected", step.expected)
                  .set("received", step.received)
                  .set("mend", step.mend));
  }
  return list;
}

std::string explain_trace(const Trace& trace) {
  std::string out;
  for (const TraceStep& step : trace) {
    out += fmt::format("  {:<8} {}\n", to_string(step.verdict), one_line(step.rule));
    const auto line = [&](std::string_view label, std::string_view text) {
      if (!text.empty()) out += fmt::format("           {:<9} {}\n", label, one_line(text));
    };
    line("expected", step.expected);
    line("received", step.received);
    line("mend", step.mend);
  }
  return out;
}

}  // namespace vouch::policy
